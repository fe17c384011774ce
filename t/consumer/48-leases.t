#!/usr/bin/perl
# list --leases: which process on which host has what, since when it runs, until when it may.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use JSON::PP;
use Sys::Hostname;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
my $gate = $bed->dir . '/gate';
my $fake = FakeServer->new(parallel => 1, handler => sub {
    for (1 .. 200) { last unless -e $gate; sleep 0.05 }
    return {status => 200, body => 'OK'};
});
add_provider($bed, $fake->url, KEY);
sub leases { my ($status, $out, $err) = $bed->run('tardis-consumer', 'list', '--leases', @_);
    is($status, 0, "list --leases @_") or diag $err; return $out }

is(leases('--json'), "[]\n", 'there are none');
like(leases(), qr/^ID +UID +STATE +HOST +PID +STARTED +UNTIL +EXPIRED\n\z/, 'but headings');
my $id = follow($bed, provider => $fake->url, uid => 'tardis.1');
my $gone = follow($bed, provider => $fake->url, uid => 'tardis.2', due => 1000);
my $odd = follow($bed, provider => $fake->url, uid => 'tardis.3', due => 1000);
my $free = follow($bed, provider => $fake->url, uid => 'tardis.4', due => 1000);
change($bed, $gone, "lease_owner = 'fe80::1:77:1700000000:3', lease_until = UTC_TIMESTAMP(6) - INTERVAL 5 SECOND");
change($bed, $odd, "lease_owner = 'somebody', lease_until = UTC_TIMESTAMP(6) + INTERVAL 1000 SECOND");
open(my $file, '>', $gate) or die "$gate: $!\n";
my $pid = $bed->start('tardis-consumer', 'tick');
Testbed::Servers::wait_until(20, sub { scalar $fake->requests }) or die "the tick asks nothing\n";
my $page = leases();
my %lease = map { $_->{id} => $_ } @{decode_json(leases('--json'))};
unlink $gate;
waitpid $pid, 0;

is_deeply([sort { $a <=> $b } keys %lease], [$id, $gone, $odd], 'what is free is not there');
like($page, qr/^$id +tardis\.1 +Ingested +\S+ +$pid +\S+Z +\S+Z +no$/m, 'what a tick has in hand');
like($page, qr/^$gone +tardis\.2 +Ingested +fe80::1 +77 +2023-11-14T22:13:20Z +\S+Z +yes$/m, 'what one has left');
like($page, qr/^$odd +tardis\.3 +Ingested +somebody +- +- +\S+Z +no$/m, 'a name that is not understood');
is($lease{$id}{pid}, $pid, 'JSON: the process');
like($lease{$id}{host}, qr/^\Q@{[hostname()]}\E/, 'its host');
ok(!$lease{$id}{expired} && $lease{$gone}{expired}, 'whether it has ended');
is($lease{$gone}{started_at}, '2023-11-14T22:13:20.000000Z', 'since when the process runs');
is_deeply([@{$lease{$odd}}{qw(host pid started_at)}], ['somebody', undef, undef], 'or nothing');
is(($bed->run('tardis-consumer', 'list', '--leases', '--state', 'Ingested'))[0], 64, 'not together with --state');

done_testing;
