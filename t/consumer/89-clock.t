#!/usr/bin/perl
# The clock is set back by an hour, on the ticks' host, on the database's, on both, while ticks are at work: nothing is
# lost, nothing is done twice.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use BusyProvider;
use Crowd;
use FakeServer;
use Followed;
use SmtpSink;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep time);

my ($library) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan skip_all => 'there is no libfaketime' if !$library;
my $bed = Testbed->new;
plan skip_all => 'a sanitizer and libfaketime cannot both be first'
    if $bed->slurp($bed->env('HTTPD_ENVIRONMENT')) =~ /LD_PRELOAD/;
sweep();
END { sweep() }
my $interval = 1;
my $gate = $bed->dir . '/gate';
my $sink = SmtpSink->new;
$bed->expect_log(qr/tardis/); # the modules notice that the database restarts
$bed->set_option('consumer', 'poll_interval', $interval);
$bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
$bed->set_option('consumer', 'mail_administrators', '{"ops@uni.example"}');

# The clocks: a file each, which says how far it is off and may change at any time.
sub faked {
    my ($name) = @_;
    return (LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $bed->dir . "/$name.clock", FAKETIME_NO_CACHE => 1,
        FAKETIME_DONT_FAKE_MONOTONIC => 1, DONT_FAKE_MONOTONIC => 1);
}

# libfaketime leaves two files behind for each process that is killed or becomes another program, and fails in the next
# one that gets the same process id.
sub sweep {
    for my $file (glob '/dev/shm/faketime_shm_* /dev/shm/sem.faketime_sem_*') {
        unlink $file if $file =~ /_(\d+)$/ && !-e "/proc/$1";
    }
    return;
}

sub set_clock { my ($name, $offset) = @_; $bed->rewrite($bed->dir . "/$name.clock", "$offset\n"); return }
sub unsent { return scalar $bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE sent_at IS NULL') }
sub database_time { return scalar $bed->sql('consumer', 'SELECT UNIX_TIMESTAMP(NOW(6))') }
set_clock($_, '+0s') for qw(database host);
my %host = faked('host');
my %database = faked('database');
my $command = $bed->slurp($bed->dir . '/conf/mariadbd.command');
$bed->stop_db;
$bed->rewrite($bed->dir . '/conf/mariadbd.command',
    join("\n", '/usr/bin/env', map({ "$_=$database{$_}" } sort keys %database), $command));
$bed->start_db;

subtest 'a lease is renewed and a tick ends, whatever the clock of its host' => sub {
    $bed->set_option('consumer', 'lease_seconds', 3);
    $bed->set_option('consumer', 'parallel', 2);
    my $fake = FakeServer->new(parallel => 1, handler => sub {
        for (1 .. 400) { last unless -e $gate; sleep 0.05 }
        return {status => 200, delay => 0.3, body => 'OK'};
    });
    add_provider($bed, $fake->url, KEY);
    my @ids = map { follow($bed, provider => $fake->url) } 1 .. 40;
    open(my $file, '>', $gate) or die "$gate: $!\n";
    my $pid = do { local @ENV{keys %host} = values %host; $bed->start('tardis-consumer', 'tick', '--time-limit', 4) };
    Testbed::Servers::wait_until(20, sub { scalar $fake->requests >= 2 }) or die "the tick asks nothing\n";
    set_clock('host', '-1h');
    my $until = 'SELECT MAX(lease_until) FROM synced_experiment';
    my $first = $bed->sql('consumer', $until);
    ok(Testbed::Servers::wait_until(20, sub { ($bed->sql('consumer', $until) // '') gt $first }), 'it is renewed');
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'the tick ends well');
    cmp_ok(how_many($bed, "state = 'Ingested' AND lease_owner IS NULL"), '>=', 1, 'before it is done with all');
    is(how_many($bed, 'lease_owner IS NOT NULL'), 0, 'and gives back the rest');
    settle($bed);
    $bed->sql('consumer', 'DELETE FROM experiment');
    set_clock('host', '+0s');
    $bed->set_option('consumer', $_, undef) for qw(lease_seconds parallel);
};

subtest 'what waits, waits as long as it was to' => sub {
    my ($polled, $taken, $over) = map { follow($bed, state => $_) } qw(InProgress InProgress CheckingIntegrity);
    change($bed, $polled, 'next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL 1000 SECOND');
    change($bed, $taken, "lease_owner = 'gone.example:1:1:1', lease_until = UTC_TIMESTAMP(6) + INTERVAL 100 SECOND");
    change($bed, $over, "state = 'Complete', next_attempt_at = NULL");
    $bed->sql('consumer', "INSERT INTO notification (experiment_id, recipient, subject, body, created_at,
        next_attempt_at)
        VALUES (?, 'ops\@uni.example', 's', 'b', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 1000 SECOND)", $over);
    my ($status, $out, $err) = tick($bed);
    unlike($err, qr/set back/, 'the clock is right');
    set_clock('database', '-1h');
    for my $time (qw(first second)) {
        ($status, $out, $err) = tick($bed);
        is($status, 0, "the $time tick works");
        $time eq 'first' ? like($err, qr/clock was set back/, 'and tells why it changes what waits')
            : is($err, '', 'and has nothing to tell');
    }
    my $left = sub { row($bed, $_[0], "TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), $_[1])") };
    cmp_ok($left->($polled, 'next_attempt_at'), '<=', 1000, 'what is asked about now and then: no longer');
    cmp_ok($left->($polled, 'next_attempt_at'), '>=', 500, 'nor much less');
    cmp_ok($left->($taken, 'lease_until'), '<=', 120, 'what somebody has: until the lease ends');
    is(row($bed, $over, 'next_attempt_at'), undef, 'what has ended: for ever');
    is(unsent(), 0, 'mail that was to be tried again is sent');
    set_clock('database', '+0s');
    $bed->sql('consumer', 'DELETE FROM experiment');
};

my $round = 0;
for my $case (['the host', 'host'], ['the database', 'database'], ['both', 'host', 'database']) {
    my ($name, @clocks) = @$case;
    subtest "$name: set back while ticks are at work" => sub {
        my $provider = BusyProvider->new(polls => 3, delay => 0.1);
        my @urls = map { $provider->url($_) } qw(batch plain);
        my $ticks = Crowd::Ticks->new($bed, @urls);
        my $count = 60;
        crowd($bed, $count, 'clock' . ++$round, @urls);
        local @ENV{keys %host} = values %host;
        $ticks->begin('--quiet') for 1 .. 2;
        Testbed::Servers::wait_until(20, sub { how_many($bed, "state <> 'Ingested'") > 0 })
            or die "nothing moves\n";
        my $killed = $ticks->begin('--quiet');
        Testbed::Servers::wait_until(20, sub { $ticks->reap; !$ticks->running || how_many($bed,
            "lease_owner LIKE '%:$killed:%'") });
        my @left = grep { $_ == $killed } $ticks->running;
        $ticks->kill($_) for @left;
        my $before = database_time();
        set_clock($_, '-1h') for @clocks;
        cmp_ok(database_time(), '<', $before - 3000, 'the clock is set back') if grep { $_ eq 'database' } @clocks;
        ok($ticks->finish(3, 30), 'all come to an end without waiting for an hour')
            or diag map { join(' ', map { $_ // '-' } @$_) . "\n" } $bed->sql('consumer', 'SELECT state, COUNT(*),
                MIN(next_attempt_at), MIN(lease_until), UTC_TIMESTAMP(6) FROM synced_experiment GROUP BY state');
        my $ended = $ticks->ended;
        my %died = map { $_ => $ended->{$_}{at} } grep { $ended->{$_}{status} == 9 } keys %$ended;
        is_deeply([grep { $ended->{$_}{status} && !$died{$_} } sort keys %$ended], [], 'every tick ends well')
            or diag $bed->slurp($bed->dir . '/log/background.log');
        is(how_many($bed, "state = 'Complete'"), $count, 'every experiment is complete');
        is_deeply([broken_histories($bed)], [], 'every history is whole');
        is_deeply([mail_once($bed)], [], 'each has its one mail');
        is(unsent(), 0, 'which was sent');
        is_deeply([steps_doubled($provider, $interval, \%died)], [], 'no step was done twice');
        set_clock($_, '+0s') for @clocks;
        $bed->sql('consumer', 'DELETE FROM experiment');
    };
}

done_testing;
