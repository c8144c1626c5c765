#!/bin/sh
# What is checked inside of a userland: the wheel installs, the golden checks pass, one run counts; and what it answers
# to the pictures is written down. Called by test.sh.
set -eu
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/exchange/pip-cache
export PIP_ROOT_USER_ACTION=ignore

echo "== $(. /etc/os-release && echo "$PRETTY_NAME"), $(uname -m), $(python3 --version)"
python3 -m venv --clear /opt/hemato
/opt/hemato/bin/pip install --quiet /exchange/*.whl
/opt/hemato/bin/pip check
/opt/hemato/bin/pip list 2>/dev/null | grep -E '^(ai-edge-litert|hemato-edge|numpy|opencv-python-headless|pydantic_core) ' || true
cd /root
echo "== hemato-edge --version"
/opt/hemato/bin/hemato-edge --version
echo "== hemato-edge model verify"
/opt/hemato/bin/hemato-edge model verify
echo "== hemato-edge run --camera demo --max-frames 40"
rm -f /tmp/count.db*
/opt/hemato/bin/hemato-edge run --camera demo --max-frames 40 --no-display --db /tmp/count.db
echo "== answers to the pictures"
/opt/hemato/bin/python /exchange/answers.py /exchange/pictures "/exchange/answers-$(uname -m)"
