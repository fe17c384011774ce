#!/usr/bin/env perl
# send: killed in the middle of a file, it goes on where it was, and nothing half-sent looks whole.

use strict;
use warnings;
use File::Find;
use FakeServer;
use Sending;
use Test::More;
use Testbed;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
$bed->expect_log(qr{no experiment with this uid was registered here}); # notified of what was never registered
$bed->expect_log(qr{dav:error.*reading the request body});
my $large = 300 * 2**20;

# The bytes of all files below a directory, whatever they are called.
sub bytes_below {
    my ($top) = @_;
    my $bytes = 0;
    find({no_chdir => 1, wanted => sub { $bytes += -f $_ ? -s _ // 0 : 0 }}, $top) if -d $top;
    return $bytes;
}

sub make_large {
    my ($name) = @_;
    my $top = $bed->make_experiment($name, {(map { ("a/$_" => "file $_") } 10 .. 29), 'z/after' => 'z'});
    open(my $file, '>', "$top/a/large") or die;
    truncate($file, $large) or die;
    close $file;
    my ($status, $out, $err) = $bed->run('tardis-provider', 'import', $top, '--title', $name, '--owner',
        'ada@uni.example');
    die $err if $status;
    return $out =~ s/\n//r;
}

for my $type ('webdav', 'file') {
    subtest "by $type" => sub {
        my $store = $bed->env('CONSUMER_STORE');
        site_wants($bed, type => 'file', serversite => $store) if $type eq 'file';
        my $uid = make_large("killed-$type");
        ask_for($bed, $uid, $type);
        my $pid = $bed->start('tardis-provider', 'send', '--parallel', 2);
        my $there = 0;
        for (1 .. 2000) {
            last if ($there = bytes_below("$store/$type")) > 2**20;
            sleep 0.01;
        }
        kill 'KILL', $pid;
        waitpid($pid, 0);
        is($?, 9, 'it was killed');
        cmp_ok($there, '>', 2**20, 'in the middle of the large file') or return;
        ok(!-e "$store/$type/a/large" || -s _ < $large, 'which has not arrived');
        is(transfer_of($bed, $uid)->{state}, 'Sending', 'its transfer is still taken');
        isnt(transfer_of($bed, $uid)->{lease_owner}, undef, 'by the dead process');

        like(send_now($bed), qr/0 complete/, 'another send leaves it alone while the lease lasts');
        $bed->sql('provider', 'UPDATE transfer SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND '
            . 'WHERE lease_until IS NOT NULL');
        like(send_now($bed), qr/1 complete/, 'and ends it afterwards');
        is(transfer_of($bed, $uid)->{state}, 'Complete', 'complete');
        like(join("\n", events_of($bed, $uid)), qr/taken over from .*, which stopped in the middle/,
            'the history tells');
        my ($status, $out) = $bed->run('diff', '-r', $bed->env('PROVIDER_STORE') . "/killed-$type",
            "$store/$type");
        is("$status$out", '0', 'both trees are the same, without anything left over');
        $bed->run('rm', '-rf', "$store/$type", $bed->env('PROVIDER_STORE') . "/killed-$type");
    };
}

subtest 'told to stop' => sub {
    my $slow = FakeServer->new(parallel => 1, handler => sub {
        return {status => 201, delay => $_[0]{method} eq 'PUT' ? 0.3 : 0};
    });
    site_wants($bed, type => 'webdav', sl => $slow->url, serversite => '/dav');
    my $uid = $bed->import_experiment('stopped', {map { ("d/$_" => "file $_") } 10 .. 39});
    ask_for($bed, $uid, 'stopped');
    my $pid = $bed->start('tardis-provider', 'send', '--parallel', 2);
    for (1 .. 200) {
        last if grep { $_->{method} eq 'PUT' } $slow->requests;
        sleep 0.05;
    }
    kill 'TERM', $pid;
    waitpid($pid, 0);
    is($?, 0, 'it ends well');
    my $transfer = transfer_of($bed, $uid);
    is($transfer->{lease_owner}, undef, 'and gives its lease back');
    my %put;
    $put{$_->{path}}++ for grep { $_->{method} eq 'PUT' } $slow->requests;
    is($transfer->{sent_through}, scalar keys %put, 'what was in flight was finished and saved');
    send_now($bed);
    is(transfer_of($bed, $uid)->{state}, 'Complete', 'the next send ends it');
    my %all;
    $all{$_->{path}}++ for grep { $_->{method} eq 'PUT' } $slow->requests;
    is_deeply([sort { $a <=> $b } values %all], [(1) x 30], 'nothing was sent twice');
};

subtest 'cancelled while it is sent' => sub {
    my $slow = FakeServer->new(parallel => 1, handler => sub {
        return {status => 201, delay => $_[0]{method} eq 'PUT' ? 0.3 : 0};
    });
    site_wants($bed, sl => $slow->url);
    my $uid = $bed->import_experiment('cancelled', {map { ("d/$_" => "file $_") } 10 .. 99});
    ask_for($bed, $uid, 'cancelled');
    my $pid = $bed->start('tardis-provider', 'send', '--parallel', 2);
    for (1 .. 200) {
        last if grep { $_->{method} eq 'PUT' } $slow->requests;
        sleep 0.05;
    }
    my ($status, $out, $err) = $bed->run('tardis-provider', 'cancel', $uid);
    is($status, 0, 'it can be cancelled') or diag $err;
    waitpid($pid, 0);
    is($?, 0, 'the send ends well');
    is(transfer_of($bed, $uid)->{state}, 'Cancelled', 'and leaves the row alone');
    cmp_ok(scalar(grep { $_->{method} eq 'PUT' } $slow->requests), '<', 60, 'it did not go on sending');
    is($bed->provider('GET', "status/$uid/")->{content} =~ /"status": 3.*transfer_cancelled/, 1,
        'the consumer is told');
    is(($bed->run('tardis-provider', 'cancel', $uid))[0], 1, 'there is nothing more to cancel');
    is(($bed->run('tardis-provider', 'retry', $uid))[0], 0, 'it can be retried');
    $slow->stop;
    my $fast = fake_dav();
    site_wants($bed, sl => $fast->url);
    send_now($bed);
    is(transfer_of($bed, $uid)->{state}, 'Complete', 'and then it ends');
};

subtest 'the database goes away for a moment' => sub {
    my $slow = FakeServer->new(parallel => 1, handler => sub {
        return {status => 201, delay => $_[0]{method} eq 'PUT' ? 0.3 : 0};
    });
    site_wants($bed, sl => $slow->url);
    my $uid = $bed->import_experiment('away', {map { ("d/$_" => "file $_") } 10 .. 39});
    ask_for($bed, $uid, 'away');
    my $pid = $bed->start('tardis-provider', 'send', '--parallel', 2);
    for (1 .. 200) {
        last if grep { $_->{method} eq 'PUT' } $slow->requests;
        sleep 0.05;
    }
    $bed->restart_db;
    waitpid($pid, 0);
    is($?, 0, 'the send ends well');
    is(transfer_of($bed, $uid)->{state}, 'Complete', 'and completes the transfer');
};

done_testing;
