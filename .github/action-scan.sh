#!/usr/bin/env bash
# The scan step of the action: inputs come as KILTER_* variables, so that nothing is interpolated into a script.
set -uo pipefail

arguments=(scan --fail-on "$KILTER_FAIL_ON" --report "sarif=$KILTER_SARIF")
add() {
  local option=$1 list=$2 item
  IFS=',' read -r -a items <<<"$list"
  for item in "${items[@]}"; do
    item=${item// /}
    [ -n "$item" ] && arguments+=("$option" "$item")
  done
  return 0
}
add --select "$KILTER_SELECT"
add --ignore "$KILTER_IGNORE"
[ "$KILTER_EXIT_ZERO" = "true" ] && arguments+=(--exit-zero)

stop=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "::stop-commands::$stop"
"${KILTER_COMMAND:-$RUNNER_TEMP/kilter/bin/kilter}" "${arguments[@]}" -- "$KILTER_PATH"
status=$?
echo "::$stop::"
{
  echo "sarif-file=$KILTER_SARIF"
  echo "exit-code=$status"
} >>"$GITHUB_OUTPUT"
exit "$status"
