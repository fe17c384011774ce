#!/bin/sh
# The whole job on this host, as it would run between two: installs packages, builds, starts a provider and a
# consumer on loopback, makes an experiment, and follows it until it is proven at the consumer. Every command is
# shown before it runs. Ends everything and leaves nothing, unless it is told to stay up:
#
#   ./demo.sh [--keep]
set -eu

case ${1-} in
'') keep= ;;
--keep) keep=1 ;;
*) echo "usage: ./demo.sh [--keep]" >&2; exit 64 ;;
esac

top=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/tardis-demo-XXXXXXXX")
chmod 755 "$work"
bed="$work/bed"

main()
{
    trap finish EXIT
    trap 'exit 130' INT TERM HUP

    say 'Packages, and a build of this source'
    show "$top/t/install-packages"
    show "$top/t/build" "$work"
    export TARDIS_BUILD_DIR="$work/build"

    say 'A provider, a consumer and a database, on loopback'
    show "$top/t/testbed" up "$bed"
    # shellcheck disable=SC1091
    . "$bed/env"
    export PATH
    cd "$bed/conf"

    say "An experiment in the provider's store"
    show make_experiment "$PROVIDER_STORE/proposal-4711"

    say 'Provider: into the catalogue, and offered to the sites of its owners'
    show tardis-provider --config provider.conf import "$PROVIDER_STORE/proposal-4711" \
        --title "Lysozyme at 1.2 Å" --epn 4711 --owner ada@uni.example --author "Ada Lovelace" --author "Noor Inayat"
    show tardis-provider --config provider.conf transfer 4711
    id=1

    say 'Consumer: it has been registered, so ask for the files'
    show tardis-consumer --config consumer.conf list
    show tardis-consumer --config consumer.conf tick
    show tardis-provider --config provider.conf list

    say 'Provider: send the files. Consumer: look at how far they are, then check every one'
    tardis-provider --config provider.conf send --quiet >"$work/send.log" 2>&1 &
    send=$!
    echo "\$ tardis-provider --config provider.conf send --quiet &"
    follow $id
    wait $send || { cat "$work/send.log"; exit 1; }

    say 'What each side says now'
    show tardis-provider --config provider.conf show 4711
    show tardis-consumer --config consumer.conf show $id
    tardis-consumer --config consumer.conf show $id --json | grep -q '"state": *"Complete"'

    say 'And the two stores, compared'
    show diff -r "$PROVIDER_STORE/proposal-4711" "$CONSUMER_STORE/$id"
    echo "No difference: $(find "$CONSUMER_STORE/$id" -type f | wc -l) files arrived and are proven."
}

say()
{
    printf '\n# %s\n' "$1"
}

# Shows a command as a person would type it, and runs it.
show()
{
    printf '$'
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./:=@,+-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$@"
}

# More than 200 files: plain ones, empty ones, names that shells and URLs trip over, and one of 256 MiB.
make_experiment()
{
    mkdir -p "$1/frames" "$1/frames/dark field" "$1/analysis" "$1/Überblick"
    frame=1
    while [ $frame -le 200 ]; do
        printf 'frame %d of 200\n' $frame >"$1/frames/frame_$(printf %04d $frame).img"
        frame=$((frame + 1))
    done
    for name in 'empty' 'with spaces' "it's quoted" 'so is "this"' '100% #1 & more?' 'semi;colon~+=@,' 'mañana 夕方.txt'; do
        : >"$1/analysis/$name"
        printf '%s\n' "$name" >"$1/frames/dark field/$name"
        printf '%s\n' "$name" >"$1/Überblick/$name"
    done
    head -c 268435456 /dev/urandom >"$1/frames/movie.raw"
    echo "$(find "$1" -type f | wc -l) files, $(du -sh "$1" | cut -f 1)"
}

# Ticks, as cron would, until the experiment has arrived or failed; shows each change of state.
follow()
{
    last=
    tick=0
    while [ $tick -lt 120 ]; do
        now=$(tardis-consumer --config consumer.conf list | tail -n 1)
        if [ "$now" != "$last" ]; then
            show tardis-consumer --config consumer.conf list
        fi
        last=$now
        case $now in *Complete*|*FailPermanent*) return ;; esac
        show tardis-consumer --config consumer.conf tick
        tick=$((tick + 1))
        sleep 1
    done
}

finish()
{
    status=$?
    if [ -n "$keep" ] && [ -e "$bed/env" ]; then
        say 'The testbed stays up'
        echo "provider   $PROVIDER_URL/apps/sync/provider/"
        echo "consumer   $CONSUMER_URL/experiment/register/"
        echo "store      $DAV_URL/"
        echo "to use it  . $bed/env; tardis-consumer --config \$CONSUMER_CONF list"
        echo "to end it  $top/t/testbed down $bed; rm -rf $work"
    else
        [ ! -d "$bed" ] || "$top/t/testbed" down "$bed"
        rm -rf "$work"
    fi
    [ "$status" = 0 ] || echo "The demo failed." >&2
}

main
