#!/usr/bin/env perl
# The provider's database goes away before and while the tool works: it says so with the status that means "try
# again", records nothing that is not so, and the next run goes on.

use strict;
use warnings;
use FakeServer;
use Sending;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
my $gate = $bed->dir . '/gate'; # the site answers a PUT, a registration and a notification when it is gone
my $site = FakeServer->new(parallel => 1, handler => sub {
    my ($request) = @_;
    my $url = "http://$request->{headers}{host}";
    return {body => settings($url)} if $request->{path} =~ m{^/settings};
    return {status => 201} if $request->{method} eq 'MKCOL';
    for (1 .. 400) { last unless -e $gate; sleep 0.05 }
    return {headers => {Location => "$url/experiment/view/7"}, body => '/store/7'} if $request->{path} =~ /register/;
    return {status => $request->{path} =~ /notify/ ? 204 : 201};
});
$bed->rewrite($bed->env('SITES_FILE'), '<sites><site><name>Fake</name><url>' . $site->url
    . '/settings/</url><username>u</username><password>p</password></site></sites>');

sub settings {
    my ($url) = @_;
    return '<site-settings><email-endswith>@uni.example</email-endswith><register>'
        . "<url>$url/experiment/register/</url><username>r</username><password>s</password></register>"
        . "<transfer><type>webdav</type><sl>$url</sl><serversite>/dav</serversite></transfer></site-settings>";
}

# ($uid): as get/ records it, for the fake site has no key.
sub asked_for {
    my ($uid) = @_;
    my $id = $uid =~ s/.*\.//r;
    $bed->sql('provider', q{INSERT INTO transfer (experiment_id, site_url, site_name, dest_path, state,
        next_attempt_at, files_total, bytes_total, requested_at, updated_at)
        SELECT id, ?, 'Fake', '7', 'Queued', UTC_TIMESTAMP(6), file_count, byte_count, UTC_TIMESTAMP(6),
        UTC_TIMESTAMP(6) FROM experiment WHERE id = ?}, $site->url . '/settings/', $id);
}

# Starts a command, and waits until the site is asked for something that matches.
sub start_until_asked {
    my ($pattern, @command) = @_;
    my $before = grep { "$_->{method} $_->{path}" =~ $pattern } $site->requests;
    $bed->rewrite($gate, '');
    my $pid = $bed->start(@command);
    Testbed::Servers::wait_until(30, sub {
        $before < grep { "$_->{method} $_->{path}" =~ $pattern } $site->requests;
    }) or die "@command does not ask for $pattern\n";
    return $pid;
}

sub finish {
    my ($pid) = @_;
    unlink $gate;
    waitpid($pid, 0);
    return $? & 127 ? 128 + ($? & 127) : $? >> 8;
}

sub let_leases_end {
    $bed->sql('provider', "UPDATE $_ SET lease_until = UTC_TIMESTAMP(6) WHERE lease_until IS NOT NULL")
        for qw(transfer registration);
}

sub registration_of {
    my ($uid) = @_;
    return scalar $bed->sql('provider', 'SELECT state FROM registration WHERE experiment_id = ?',
        $uid =~ s/.*\.//r);
}

subtest 'away from the start' => sub {
    my $uid = $bed->import_experiment('start', {'d/a' => 'a'}, '--epn', 'start');
    my $top = $bed->make_experiment('other', {'d/a' => 'a'});
    $bed->stop_db;
    for my $command (['import', $top, '--title', 'T'], ['transfer', 'start'], ['send'], ['list'], ['show', 'start'],
        ['retry', $uid], ['cancel', $uid], ['key', 'list'], ['schema', 'check'], ['schema', 'upgrade']) {
        my ($status, $out, $err) = $bed->run('tardis-provider', @$command);
        is($status, 75, "$command->[0]: try again later");
        is(scalar(() = $err =~ /\[database_unavailable\]/g), 1, 'the cause is told once') or diag $err;
        unlike($out, qr/tardis\.\d|Registered/, 'and nothing else');
    }
    $bed->start_db;
    is($bed->sql('provider', 'SELECT COUNT(*) FROM experiment'), 1, 'nothing was imported');
};

subtest 'while files are hashed' => sub {
    for my $how ('away', 'restarted') {
        my $top = $bed->make_experiment("hash-$how", {'d/a' => 'a'});
        open(my $file, '>', "$top/d/zz-large") or die;
        truncate($file, 2**30) or die;
        close $file;
        my $before = $bed->sql('provider', 'SELECT COUNT(*) FROM experiment');
        my $pid = $bed->start('tardis-provider', 'import', $top, '--title', 'T', '--owner', 'ada@uni.example');
        Testbed::Servers::wait_until(30, sub {
            grep { (readlink($_) // '') =~ m{d/zz-large$} } glob("/proc/$pid/fd/*");
        }) or die "it does not hash\n";
        $bed->stop_db;
        $bed->start_db if $how eq 'restarted';
        my $status = finish($pid);
        $bed->start_db if $how eq 'away';
        my $after = $bed->sql('provider', 'SELECT COUNT(*) FROM experiment');
        is_deeply([$status, $after - $before], $how eq 'away' ? [75, 0] : [0, 1], $how);
        unlink "$top/d/zz-large";
    }
};

for my $how ('away', 'restarted') {
    subtest "$how while a site registers" => sub {
        my $uid = $bed->import_experiment("register-$how", {'d/a' => 'a'}, '--epn', "register-$how");
        my $pid = start_until_asked(qr/register/, 'tardis-provider', 'transfer', "register-$how");
        $bed->stop_db;
        $bed->start_db if $how eq 'restarted';
        my $status = finish($pid);
        $bed->start_db if $how eq 'away';
        is($status, $how eq 'away' ? 75 : 0, 'how it ends');
        is(registration_of($uid), $how eq 'away' ? 'Pending' : 'Registered', 'what is recorded');
        let_leases_end();
        send_now($bed);
        is(registration_of($uid), 'Registered', 'send brings it to its end');
    };

    subtest "$how while files are sent" => sub {
        my $uid = $bed->import_experiment("send-$how", {map { ("d/$_" => "file $_") } 10 .. 29});
        asked_for($uid);
        my $pid = start_until_asked(qr/^PUT/, 'tardis-provider', 'send', '--parallel', 2);
        $bed->stop_db;
        $bed->start_db if $how eq 'restarted';
        my $status = finish($pid);
        $bed->start_db if $how eq 'away';
        is($status, $how eq 'away' ? 75 : 0, 'how it ends');
        my $transfer = transfer_of($bed, $uid);
        is($transfer->{state}, $how eq 'away' ? 'Sending' : 'Complete', 'what is recorded');
        is($transfer->{error_code}, undef, 'the site is not blamed');
        let_leases_end();
        send_now($bed);
        $transfer = transfer_of($bed, $uid);
        is_deeply([@{$transfer}{qw(state files_done)}], ['Complete', 20], 'the next send ends it');
    };

    subtest "$how while the site is notified" => sub {
        my $uid = $bed->import_experiment("notify-$how", {'d/a' => 'a'});
        asked_for($uid);
        $bed->sql('provider', q{UPDATE transfer SET state = 'Complete', notify_pending = TRUE
            WHERE experiment_id = ?}, $uid =~ s/.*\.//r);
        my $pid = start_until_asked(qr/notify/, 'tardis-provider', 'send');
        $bed->stop_db;
        $bed->start_db if $how eq 'restarted';
        my $status = finish($pid);
        $bed->start_db if $how eq 'away';
        is($status, $how eq 'away' ? 75 : 0, 'how it ends');
        let_leases_end();
        send_now($bed);
        is_deeply([@{transfer_of($bed, $uid)}{qw(state notify_pending)}], ['Complete', 0], 'it is notified in the end');
    };
}

my $said = $bed->slurp($bed->dir . '/log/background.log');
is(scalar(() = $said =~ /\[database_unavailable\]/g), 4, 'each run that ended for it said so once') or diag $said;

done_testing;
