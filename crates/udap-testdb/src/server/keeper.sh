# Owns a folder and at most one server. Orders come on standard input, one a line; each is answered
# by one line. When the input ends, however the test process ended, nothing is left behind.
folder=$1 mariadbd=$2 install=$3
cd "$folder" || exit 1
trap : PIPE     # a test process that is gone does not read its answer, and must be cleaned up after
server=
while read -r order value; do
    case $order in
    install)
        "$install" --no-defaults --datadir="$folder/data" --user="$(id -un)" --skip-test-db \
            --auth-root-authentication-method=normal --skip-name-resolve \
            --innodb-buffer-pool-size=64M --innodb-log-file-size=32M </dev/null >log 2>&1
        echo $?
        ;;
    copy)
        cp -R "$value/data" data </dev/null >log 2>&1
        echo $?
        ;;
    start)
        "$mariadbd" --no-defaults --datadir="$folder/data" --user="$(id -un)" \
            --socket="$folder/socket" --pid-file="$folder/pid" --tmpdir="$folder" \
            --bind-address=127.0.0.1 --port="$value" --skip-name-resolve --max-connections=200 \
            --innodb-buffer-pool-size=64M --innodb-log-file-size=32M --performance-schema=OFF \
            </dev/null >log 2>&1 &
        server=$!
        echo "$server"
        ;;
    signal)
        kill -s "$value" "$server"
        echo $?
        ;;
    wait)
        wait "$server"
        echo $?
        server=
        ;;
    esac
done
if [ -n "$server" ]; then
    kill -s KILL "$server"
    wait "$server"
fi
cd / && rm -rf "$folder"
