#!/usr/bin/env bash
# The scan step of the action: inputs come as KILTER_* variables, so that nothing is interpolated into a script.
# Every report that the runner reads (annotations, summary, outputs) comes from a file that Kilter has escaped.
set -uo pipefail

reports=$(mktemp -d "${RUNNER_TEMP:-/tmp}/kilter-reports.XXXXXX")
trap 'rm -rf "$reports"' EXIT
sarif=${KILTER_SARIF//[$'\r\n']/}
arguments=(scan --report "sarif=$sarif" --report "csv=$reports/findings.csv")
add() {
  local option=$1 list=$2 item
  IFS=',' read -r -a items <<<"$list"
  for item in "${items[@]}"; do
    item=${item// /}
    [ -n "$item" ] && arguments+=("$option" "$item")
  done
  return 0
}
[ -n "$KILTER_FAIL_ON" ] && arguments+=(--fail-on "$KILTER_FAIL_ON")
[ -n "${KILTER_DIFF:-}" ] && arguments+=("--diff=$KILTER_DIFF")
[ -n "${KILTER_BASELINE:-}" ] && arguments+=("--baseline=$KILTER_BASELINE")
add --select "$KILTER_SELECT"
add --ignore "$KILTER_IGNORE"
[ "$KILTER_EXIT_ZERO" = "true" ] && arguments+=(--exit-zero)
[ "${KILTER_ANNOTATIONS:-true}" = "true" ] && arguments+=(--report "github=$reports/annotations")
[ "${KILTER_SUMMARY:-true}" = "true" ] && arguments+=(--report "markdown=$reports/summary.md")

stop=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "::stop-commands::$stop"
"${KILTER_COMMAND:-$RUNNER_TEMP/kilter/bin/kilter}" "${arguments[@]}" -- "$KILTER_PATH"
status=$?
echo "::$stop::"

[ -f "$reports/annotations" ] && cat "$reports/annotations"
[ -f "$reports/summary.md" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ] && cat "$reports/summary.md" >>"$GITHUB_STEP_SUMMARY"

findings=
highest=
if [ -f "$reports/findings.csv" ]; then
  findings=$(($(wc -l <"$reports/findings.csv") - 1))
  highest=none
  for severity in critical high medium low; do
    # columns: rule, name, category, severity, …; the first four are never quoted and never come from the input
    if cut -d, -f4 "$reports/findings.csv" | grep -qx "$severity"; then
      highest=$severity
      break
    fi
  done
fi
{
  echo "sarif-file=$sarif"
  echo "exit-code=$status"
  echo "findings=$findings"
  echo "highest-severity=$highest"
} >>"$GITHUB_OUTPUT"
exit "$status"
