#!/usr/bin/env bash
# Sends one signed appeal with curl and openssl.
#   HUISU_URL=http://127.0.0.1:8012/hooks/app-1 HUISU_SECRET=whsec_… ./curl.sh
set -euo pipefail
: "${HUISU_URL:?address of your channel}" "${HUISU_SECRET:?secret of your channel}"

body=$(mktemp)
trap 'rm -f "$body"' EXIT
cat > "$body" <<JSON
{"type":"appeal.created","timestamp":"$(date -u +%Y-%m-%dT%H:%M:%SZ)","data":{"externalId":"APP-0001","title":"路灯不亮","content":"幸福路12号路灯不亮三天","contact":{"name":"张三","phone":"13800138000"}}}
JSON

# One id for one message: keep it with the message, and send it again unchanged on every retry.
id="msg_$(openssl rand -hex 12)"
timestamp=$(date +%s)
key=$(printf '%s' "${HUISU_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
# Signed are the very bytes that are sent, hence the file and --data-binary.
signature=$({ printf '%s.%s.' "$id" "$timestamp"; cat "$body"; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

curl -sS --max-time 30 "$HUISU_URL" \
  -H 'content-type: application/json' \
  -H "webhook-id: $id" \
  -H "webhook-timestamp: $timestamp" \
  -H "webhook-signature: v1,$signature" \
  --data-binary "@$body" -w '\n%{http_code}\n'
