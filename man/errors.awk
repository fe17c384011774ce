# Writes tardis-errors.7 from the table in libtardis/error.c:  awk -f man/errors.awk libtardis/error.c
BEGIN {
    print ".Dd November 23, 2026"
    print ".Dt TARDIS-ERRORS 7"
    print ".Os tardis-transfer"
    print ".Sh NAME"
    print ".Nm tardis-errors"
    print ".Nd what went wrong, whose fault it is, and what to do"
    print ".Sh DESCRIPTION"
    print "Everything that fails has a code, printed in brackets. It is in the output of"
    print ".Xr tardis-provider 1"
    print "and"
    print ".Xr tardis-consumer 1 ,"
    print "in httpd's error log, in the history of an experiment and in mail, and is never renamed."
    print "Beside each code stands who has to act, and whether it may pass by itself: what may pass is tried again"
    print "without anybody doing anything."
    print ".Bl -tag -width Ds"
}

/^    \[TARDIS_[A-Z_]*\] = \{"/ {
    split($0, quoted, "\"")
    name = quoted[2]
    match($0, /TARDIS_FAULT_[A-Z]*/)
    fault = tolower(substr($0, RSTART + 13, RLENGTH - 13))
    passes = $0 ~ /PASSING/ ? "may pass" : "does not pass by itself"
    next
}

name != "" && /^        "/ {
    advice = $0
    sub(/^ *"/, "", advice)
    sub(/"\},$/, "", advice)
    print ".It Li " name
    print "(" (fault == "caller" ? "the caller" : fault == "host" ? "this host" : "the " fault) "; " passes ")"
    gsub(/\\/, "\\e", advice)
    gsub(/-/, "\\-", advice)
    print advice
    name = ""
}

END {
    print ".El"
    print ".Sh SEE ALSO"
    print ".Xr tardis-consumer 1 ,"
    print ".Xr tardis-provider 1"
}
