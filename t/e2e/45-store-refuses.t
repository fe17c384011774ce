#!/usr/bin/env perl
# The consumer's store is full, or may not be written to, while files are sent: what both administrators see, that
# nothing half is left, that the transfer goes on by itself once there is room, and after `retry` once it may write.

use strict;
use warnings;
use FakeServer;
use File::Find;
use Sending;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $store = $bed->env('CONSUMER_STORE');
my %files = ('d/a' => 'content of a', 'd/b' => \300_000, 'e/c' => '');

# ($name): imports, registers and asks for the files of an experiment; returns its uid and its id at the consumer.
sub begin {
    my ($name) = @_;
    my $uid = $bed->import_experiment($name, \%files, '--epn', $name);
    $bed->run('tardis-provider', 'transfer', $name);
    my $id = $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment WHERE uid = ?', $uid);
    is($bed->tick_until($id, 'Requested'), 'Requested', 'asked for');
    return ($uid, $id);
}

sub files_below {
    my ($top) = @_;
    my @found;
    find({no_chdir => 1, wanted => sub { push @found, $_ if -f $_ }}, $top) if -d $top;
    return @found;
}

sub same_trees {
    my ($name, $id) = @_;
    my ($status, $out) = $bed->run('diff', '-r', $bed->env('PROVIDER_STORE') . "/$name", "$store/$id");
    is("$status$out", '0', 'both stores hold the same');
}

subtest 'a directory that may not be written to' => sub {
    my ($uid, $id) = begin('closed');
    mkdir "$store/$id" or die "$store/$id: $!\n";
    chmod 0555, "$store/$id" or die;
    $bed->expect_log(qr{dav:error.*Permission denied});
    like(send_now($bed), qr/MKCOL of $id\/d: \S+ answered with HTTP status 403 \[destination_refused\]; failed until/,
        'send says what was refused');
    is(transfer_of($bed, $uid)->{state}, 'Failed', 'the transfer has failed');
    is_deeply([files_below("$store/$id")], [], 'nothing arrived');
    is($bed->tick_until($id, 'FailPermanent'), 'FailPermanent', 'the consumer learns it');
    my ($status, $out) = $bed->run('tardis-consumer', 'show', $id);
    like($out, qr/MKCOL of $id\/d: .* HTTP status 403/, 'with the cause');
    chmod 0777, "$store/$id" or die;
    is(($bed->run('tardis-consumer', 'retry', $id))[0], 0, 'once that is mended, retry at the consumer is enough');
    is($bed->tick_until($id, 'Requested'), 'Requested', 'it asks again');
    send_now($bed);
    is($bed->tick_until($id, 'Complete'), 'Complete', 'and completes');
    same_trees('closed', $id);
};

subtest 'full' => sub {
    my $full = $bed->dir . '/full';
    my $dav = FakeServer->new(parallel => 1, handler => sub {
        my ($request) = @_;
        my $path = $store . ($request->{path} =~ s{^/dav}{}r);
        return {status => mkdir($path) ? 201 : 405} if $request->{method} eq 'MKCOL';
        return {status => 507} if -e $full && length $request->{body} > 1000;
        $bed->rewrite($path, $request->{body});
        return {status => 201};
    });
    site_wants($bed, sl => $dav->url, serversite => '/dav');
    my ($uid, $id) = begin('full');
    $bed->rewrite($full, '');
    for (1 .. 3) {
        like(send_now($bed), qr/PUT of d\/b: \S+ answered with HTTP status 507 \[destination_full\]; tried again later/,
            'send says that it is full');
    }
    my $transfer = transfer_of($bed, $uid);
    is_deeply([@{$transfer}{qw(state attempts sent_through)}], ['Queued', 3, 1], 'it waits behind what has arrived');
    $bed->run('tardis-consumer', 'tick', '--now');
    is($bed->state($id), 'InProgress', 'the consumer waits as well');
    my ($status, $out) = $bed->run('tardis-consumer', 'show', $id);
    like($out, qr/PUT of d\/b: .* HTTP status 507/, 'and shows what keeps it');
    unlink $full;
    send_now($bed);
    is(transfer_of($bed, $uid)->{state}, 'Complete', 'it goes on by itself once there is room');
    is(transfer_of($bed, $uid)->{error_code}, undef, 'and the error is forgotten');
    is($bed->tick_until($id, 'Complete'), 'Complete', 'proven');
    same_trees('full', $id);
};

done_testing;
