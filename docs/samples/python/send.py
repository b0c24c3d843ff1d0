"""Sends one signed appeal; Python 3.8 or later, standard library only.

HUISU_URL=http://127.0.0.1:8012/hooks/app-1 HUISU_SECRET=whsec_… python3 send.py
"""
import base64
import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone

url = os.environ["HUISU_URL"]
secret = os.environ["HUISU_SECRET"]

body = json.dumps(
    {
        "type": "appeal.created",
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "data": {
            "externalId": "APP-0001",
            "title": "路灯不亮",
            "content": "幸福路12号路灯不亮三天",
            "contact": {"name": "张三", "phone": "13800138000"},
        },
    },
    ensure_ascii=False,
).encode("utf-8")

# One id for one message: keep it with the message, and send it again unchanged on every retry.
message_id = "msg_" + uuid.uuid4().hex
timestamp = str(int(time.time()))
key = base64.b64decode(secret[len("whsec_"):])
# Signed are the very bytes that are sent.
signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()

request = urllib.request.Request(
    url,
    data=body,
    headers={
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + signature,
    },
)
try:
    response = urllib.request.urlopen(request, timeout=30)
except urllib.error.HTTPError as refused:
    response = refused  # the body says what is wrong, and where
print(response.read().decode("utf-8"))
print(response.status)
