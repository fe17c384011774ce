#!/bin/sh
# Everything that must hold before a change lands: a warning-free build and all tests, a distribution that builds
# and installs from a read-only tree, and the tests again with the address and undefined behaviour sanitizers.
# Leaves nothing behind. The last line tells how many tests passed and failed; so does the exit status.
#
#   ./check.sh           all of it
#   ./check.sh --quick   the build and the tests only
set -u

cd "$(dirname "$0")" || exit 1
t/install-packages || exit 1

work=$(mktemp -d "${TMPDIR:-/tmp}/tardis-check-XXXXXXXX") || exit 1
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
export TMPDIR="$work"
chmod 755 "$work"
passed=0
failed=0

main()
{
    step 'build' t/build "$work/plain" --enable-developer &&
        step 'tests' make -C "$work/plain/build" --no-print-directory check
    if [ "${1-}" != --quick ]; then
        step 'distribution' make -C "$work/plain/build" --no-print-directory --silent distcheck \
            TARDIS_TESTS='t/e2e/10-main-job.t'
        step 'build with sanitizers' t/build "$work/sanitized" --enable-developer --enable-sanitizers &&
            step 'tests with sanitizers' make -C "$work/sanitized/build" --no-print-directory check
    fi
    echo
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}

# step NAME COMMAND...: runs it, shows its output, and adds up what prove says.
step()
{
    name=$1
    shift
    printf '\n== %s\n' "$name"
    { "$@" 2>&1; echo $? >"$work/status"; } | tee "$work/output"
    count
    [ "$(cat "$work/status")" = 0 ]
}

# A test program that ended badly without a failed test counts as one, and so does a step without any test.
count()
{
    tests=$(sed -n 's/^Files=[0-9]*, Tests=\([0-9]*\),.*/\1/p' "$work/output" | tail -n 1)
    bad=$(sed -n 's/^.* (Wstat: .* Tests: [0-9]* Failed: \([0-9]*\))$/\1/p' "$work/output" |
        awk '{ bad += $1 > 0 ? $1 : 1 } END { print bad + 0 }')
    if [ "$(cat "$work/status")" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
    fi
    failed=$((failed + bad))
    [ -z "$tests" ] || passed=$((passed + (tests > bad ? tests - bad : 0)))
}

main "$@"
