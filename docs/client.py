#!/usr/bin/env python3
"""A UDAP client in 40 lines: registers an app with nothing but Python and the openssl command.

    python3 docs/client.py FHIR_BASE_URL CHAIN.pem KEY.pem CLIENT_URI

CHAIN.pem holds the app's certificate, then its issuer's; KEY.pem its RSA key. What a real client
must do besides: verify signed_metadata before it believes the endpoint (UDAP Server Metadata, 3).
"""
import base64, json, re, secrets, subprocess, sys, time, urllib.error, urllib.request

base_url, chain, key, client_uri = sys.argv[1:5]


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


with urllib.request.urlopen(base_url + "/.well-known/udap") as answer:
    endpoint = json.load(answer)["registration_endpoint"]

pem = open(chain).read()
x5c = ["".join(body.split()) for body in re.findall(r"-BEGIN CERTIFICATE-+([^-]+)-", pem)]
now = int(time.time())
header = {"alg": "RS256", "x5c": x5c}
claims = {
    "iss": client_uri, "sub": client_uri, "aud": endpoint,
    "iat": now, "exp": now + 300, "jti": secrets.token_urlsafe(32),
    "client_name": "Forty Lines", "contacts": ["mailto:ops@app.example.org"],
    "grant_types": ["client_credentials"], "scope": "system/Patient.read",
    "token_endpoint_auth_method": "private_key_jwt",
}
signed = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims))
signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key],
                           input=signed.encode(), capture_output=True, check=True).stdout
body = {"software_statement": signed + "." + b64url(signature), "certifications": [], "udap": "1"}
request = urllib.request.Request(endpoint, json.dumps(body).encode(),
                                 {"Content-Type": "application/json"})
try:
    with urllib.request.urlopen(request) as answer:
        print(answer.status, json.dumps(json.load(answer), indent=2))
except urllib.error.HTTPError as refusal:
    print(refusal.code, json.dumps(json.load(refusal), indent=2))
    sys.exit(1)
