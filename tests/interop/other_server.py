#!/usr/bin/env python3
"""A small UDAP server, written from the specifications alone: Python's standard library, and the
openssl command for certificates and signatures. It knows RS256 and one community, keeps its apps in
memory, and is for tests only.

    python3 other_server.py FOLDER

FOLDER holds root.pem, server.pem (leaf first), server.key, and crls.pem. The first line that it
prints is its FHIR base URL, for which server.pem must be made: run with PORT to choose it.
"""
import base64, http.server, json, os, re, secrets, subprocess, sys, tempfile, time, urllib.parse

FOLDER = sys.argv[1]
PORT = int(sys.argv[2])
BASE = f"http://127.0.0.1:{PORT}/fhir"
REGISTER, TOKEN = f"http://127.0.0.1:{PORT}/connect/register", f"http://127.0.0.1:{PORT}/connect/token"
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.S)
APPS, SEEN = {}, set()


class Refused(Exception):
    pass


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def path(name):
    return os.path.join(FOLDER, name)


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=True).stdout


def sign(claims):
    pem = open(path("server.pem")).read()
    x5c = ["".join(one.strip().splitlines()[1:-1]) for one in CERTIFICATE.findall(pem)]
    header = {"alg": "RS256", "x5c": x5c}
    signed = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims))
    return signed + "." + b64url(openssl("dgst", "-sha256", "-sign", path("server.key"), stdin=signed.encode()))


def verify(token, audience):
    """The claims of a JWT by an app of the community, and the URIs of its certificate."""
    try:
        header, payload, signature = token.split(".")
        head, claims = json.loads(unb64url(header)), json.loads(unb64url(payload))
    except ValueError as error:
        raise Refused("not a JWT") from error
    if head.get("alg") != "RS256":
        raise Refused("alg")
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, text in enumerate(head["x5c"]):
            files.append(os.path.join(folder, f"{number}.pem"))
            with open(files[-1], "w") as file:
                file.write(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
        key, signed = os.path.join(folder, "key.pem"), os.path.join(folder, "signature")
        with open(key, "wb") as file:
            file.write(openssl("x509", "-in", files[0], "-noout", "-pubkey"))
        with open(signed, "wb") as file:
            file.write(unb64url(signature))
        try:
            openssl("dgst", "-sha256", "-verify", key, "-signature", signed, stdin=f"{header}.{payload}".encode())
            chain = [word for one in files[1:] for word in ("-untrusted", one)]
            openssl("verify", "-x509_strict", "-crl_check_all", "-CRLfile", path("crls.pem"),
                    "-CAfile", path("root.pem"), *chain, files[0])
        except subprocess.CalledProcessError as error:
            raise Refused("signature or certificate: " + (error.stderr or error.output).decode()) from error
        names = openssl("x509", "-in", files[0], "-noout", "-ext", "subjectAltName").decode()
    uris = re.findall(r"URI:([^,\s]+)", names)
    now = time.time()
    if claims.get("aud") != audience:
        raise Refused("aud")
    if not now - 60 < claims["exp"] <= claims["iat"] + 300 or claims["iat"] > now + 60:
        raise Refused("times")
    if (claims["iss"], claims["jti"]) in SEEN or claims["sub"] != claims["iss"]:
        raise Refused("jti or sub")
    SEEN.add((claims["iss"], claims["jti"]))
    return claims, uris


def metadata():
    now = int(time.time())
    endpoints = {"token_endpoint": TOKEN, "registration_endpoint": REGISTER}
    signed = {"iss": BASE, "sub": BASE, "iat": now, "exp": now + 3600, "jti": secrets.token_urlsafe(), **endpoints}
    return {
        "udap_versions_supported": ["1"],
        "udap_profiles_supported": ["udap_dcr", "udap_authn", "udap_authz"],
        "udap_authorization_extensions_supported": ["hl7-b2b"],
        "udap_authorization_extensions_required": ["hl7-b2b"],
        "udap_certifications_supported": [], "udap_certifications_required": [],
        "grant_types_supported": ["client_credentials"], "scopes_supported": ["system/Patient.read"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "registration_endpoint_jwt_signing_alg_values_supported": ["RS256"],
        **endpoints, "signed_metadata": sign(signed),
    }


def register(body):
    request = json.loads(body)
    if request.get("udap") != "1":
        raise Refused("udap")
    claims, uris = verify(request["software_statement"], REGISTER)
    if claims["iss"] not in uris:
        raise Refused("iss")
    known = APPS.get(claims["iss"])
    if claims["grant_types"] == []:
        del APPS[claims["iss"]]
        return 200, {"client_id": known, "grant_types": []}
    client_id = known or secrets.token_hex(16)
    APPS[claims["iss"]] = client_id
    registered = {name: value for name, value in claims.items()
                  if name not in ("iss", "sub", "aud", "iat", "exp", "jti")}
    return (200 if known else 201), {
        "client_id": client_id, "software_statement": request["software_statement"], **registered}


def token(body):
    form = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode(), strict_parsing=True).items()}
    if form["grant_type"] != "client_credentials" or form["udap"] != "1":
        raise Refused("grant_type or udap")
    if form["client_assertion_type"] != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
        raise Refused("client_assertion_type")
    claims, uris = verify(form["client_assertion"], TOKEN)
    if not any(APPS.get(uri) == claims["iss"] for uri in uris):
        raise Refused("no such client")
    b2b = claims["extensions"]["hl7-b2b"]
    if b2b["version"] != "1" or not b2b["organization_id"] or not b2b["purpose_of_use"]:
        raise Refused("hl7-b2b")
    return 200, {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 300,
                 "scope": form.get("scope", "system/Patient.read")}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path == "/fhir/.well-known/udap":
            return self.answer(200, metadata())
        self.answer(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        work, error = {"/connect/register": (register, "invalid_software_statement"),
                       "/connect/token": (token, "invalid_client")}[self.path]
        try:
            self.answer(*work(body))
        except (Refused, KeyError, ValueError) as refused:
            self.answer(400, {"error": error, "error_description": str(refused).splitlines()[0]})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print(BASE, flush=True)
server.serve_forever()
