# shellcheck shell=bash
# Sourced by the scripts beside it: uv, Python and the virtual environment, all inside the project.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# 3.14 and not newer: the locked packages have wheels for it.
python_wanted='>=3.14.2,<3.15'
uv_pinned=0.13.9

# Python and uv come here when the machine has none.
export UV_PYTHON_INSTALL_DIR=$PWD/.python/uv
# A network that blocks downloads is to be noticed in seconds.
export UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-20} UV_HTTP_RETRIES=${UV_HTTP_RETRIES:-1} UV_NO_PROGRESS=1
# Byte code written once makes every later start twice as fast.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }

find_uv() {
    uv=$(command -v uv || true)
    # A stale shim is no uv.
    if [ -n "$uv" ] && "$uv" --version >/dev/null 2>&1; then return; fi
    uv=$PWD/.python/tools/bin/uv
    if [ -x "$uv" ]; then return; fi
    say "Installing uv $uv_pinned into .python/tools"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .python/tools "uv==$uv_pinned"
}

# uv does not read pip's settings: a mirror set there counts here too.
use_index_of_pip() {
    local index
    index=${PIP_INDEX_URL:-$(python3 -m pip config get global.index-url 2>/dev/null || true)}
    if [ -n "$index" ]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}; fi
}

find_python() {
    local debian=$PWD/.python/debian/usr/bin/python3.14
    local find=("$uv" --quiet python find --system --no-project --no-python-downloads "$python_wanted")
    if python=$("${find[@]}" 2>/dev/null); then return; fi
    python=$debian
    if "$python" -c '' 2>/dev/null; then return; fi
    say "Fetching Python 3.14 with uv"
    if timeout 180 "$uv" --quiet python install --no-bin 3.14 2>/dev/null && python=$("${find[@]}" 2>/dev/null); then
        return
    fi
    say "That did not work; fetching it from Debian's packages"
    scripts/python_from_debian .python/debian
    python=$debian
}

# make_venv FOLDER STAMP INSTALLER: makes FOLDER and runs INSTALLER, once as long as STAMP stays the same.
make_venv() {
    local venv=$1 stamp=$2 install=$3
    if [ "$(cat "$venv/installed" 2>/dev/null)" = "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        return
    fi
    find_uv
    use_index_of_pip
    find_python
    say "Installing into $venv with $("$python" --version)"
    "$uv" --quiet venv --clear --no-project --python "$python" "$venv"
    "$install"
    printf '%s\n' "$stamp" >"$venv/installed"
}

pip_install() {
    local venv=$1
    shift
    "$uv" --quiet pip install --python "$venv/bin/python" "$@"
}
