#!/bin/sh
# A card in the TPM, used by programs that know nothing of Tessera: OpenSC, OpenSSH, openssl.
#
#   sh examples/served-card.sh
#
# Debian and Ubuntu have what it needs: pcscd, vsmartcard-vpcd (a reader without hardware), opensc, openssh-client and
# openssl. The card is made for this, on a TPM in software unless TESSERA_TCTI names another, and taken away at the end.
set -eu
cd "$(dirname "$0")/.."

program=${TESSERA:-./bin/tessera}
vpcd=${VPCD:-127.0.0.1:35963}
module=$(find /usr/lib /usr/lib64 -name opensc-pkcs11.so 2>/dev/null | head -n 1)
folder=$(mktemp -d)
export TESSERA_HOME="$folder/home" TESSERA_TCTI="${TESSERA_TCTI:-embedded:}"

# A script tells secrets to Tessera by a file, and to OpenSC by the environment. Without, both ask.
export PIN=27182818
pin=$folder/pin
(umask 077 && echo "$PIN" >"$pin")
tessera() { "$program" --quiet "$@"; }

finish() {
  trap - EXIT INT TERM
  if [ -n "${serve:-}" ]; then
    kill "$serve" 2>/dev/null || true
    wait "$serve" || true
  fi
  tessera destroy work --yes || true
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' INT TERM

echo '--- A card, a key on it, and a certificate: without one, other programs do not see the key'
tessera create work --pin "$pin"
tessera key generate 9a --pin-file "$pin" -o "$folder/public.pem"
tessera cert self-sign 9a --subject 'CN=Served card' --pin-file "$pin" -o "$folder/certificate.pem"

echo '--- The card in a reader, until this script ends'
"$program" serve work --vpcd "$vpcd" >"$folder/serving" &
serve=$!
tries=150
until grep -qs '^Serving' "$folder/serving"; do
  kill -0 "$serve" 2>/dev/null || exit 1
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { echo "Nobody takes the card at $vpcd. Is pcscd running, and vsmartcard-vpcd installed?" >&2 && exit 1; }
  sleep 0.2
done

echo '--- OpenSC sees it'
pkcs11-tool --module "$module" --list-slots
pkcs11-tool --module "$module" --token-label 'Served card' --list-objects --type cert

echo '--- OpenSSH has its public key, for ~/.ssh/authorized_keys; ssh -I takes the same module'
ssh-keygen -D "$module"

echo '--- OpenSC signs with it, and openssl verifies'
pkcs11-tool --module "$module" --token-label 'Served card' --login --pin env:PIN --id 01 \
  --sign --mechanism ECDSA-SHA256 --signature-format openssl -i README.md -o "$folder/README.sig"
openssl dgst -sha256 -verify "$folder/public.pem" -signature "$folder/README.sig" README.md

echo '--- Tessera itself finds the card in the reader too'
tessera --card reader:virtual sign 9a README.md --pin-file "$pin" -o "$folder/README.sig"
openssl dgst -sha256 -verify "$folder/public.pem" -signature "$folder/README.sig" README.md
