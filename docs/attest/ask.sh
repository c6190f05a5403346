# Asks as Rekey does:  REKEY_ATTEST_KEY=… sh ask.sh https://staging.example.com/rekey FAL_KEY
nonce=$(openssl rand -hex 16)
time=$(date +%s)
sum=$(printf 'rekey-attest-v1\nask\n%s\n%s\n%s' "$time" "$nonce" "$2" | openssl dgst -sha256 -hmac "$REKEY_ATTEST_KEY" -r)
curl -fsS -H "X-Rekey-Signature: v1=${sum%% *}" -H "Content-Type: application/json" \
  -d "{\"name\":\"$2\",\"nonce\":\"$nonce\",\"time\":$time}" "$1"
