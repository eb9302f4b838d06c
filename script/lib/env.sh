# Shared by the scripts: strict mode, the project's root, where tools and builds are kept; sourced, not run.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"
CACHE=${QUARTERMASTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quartermaster}
mkdir -p "$CACHE/tools/bin"
# One target folder for all clones: crates are built once per profile.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
export PATH="$CACHE/tools/bin:$CACHE/tools/node_modules/.bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
