// The lines to paste into a terminal that send a first signed appeal; nothing but bash, openssl and curl is needed.

/** Standard Webhooks: HMAC-SHA256 over id, time and body under the secret's bytes. */
export function firstAppeal(url: string, secret: string): string {
  return `secret='${secret}'
url='${url}'
body='{"type":"appeal.created","timestamp":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'","data":{"content":"东昌区新华大街38号楼前路灯三天不亮，晚上出行不便，请尽快维修。","contact":{"name":"测试","phone":"13800138000"}}}'
id="msg_$(openssl rand -hex 12)"; ts=$(date +%s)
key=$(printf %s "\${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')
sig=$(printf %s "$id.$ts.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
curl -sS "$url" -H 'content-type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $ts" \\
  -H "webhook-signature: v1,$sig" -H 'prefer: wait=5' --data-binary "$body"; echo`;
}
