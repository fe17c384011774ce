#!/usr/bin/perl
# What a tick prints: with --quiet, which cron mails, only what failed for good; otherwise its summary, and what is
# tried again. What a person does to an experiment meanwhile is no error.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use Outbox;
use SmtpSink;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
my $gate = $bed->dir . '/gate';
my $fake = FakeServer->new(parallel => 1, handler => sub {
    my ($request) = @_;
    for (1 .. 400) { last unless -e $gate; sleep 0.05 }
    return {status => 200, body => 'OK'} if $request->{method} eq 'POST';
    return {status => 500, body => 'broken'} if $request->{path} =~ /broken/;
    return answer(status => 3, message => 'the tape robot is on strike', code => 'io_error')
        if $request->{path} =~ /strike/;
    return answer(status => 2, progress => '1 of 2 files');
});
my $dead = FakeServer->new(handler => sub { return {close => 1} });
add_provider($bed, $_->url, KEY) for $fake, $dead;

# (@options): what a tick prints that succeeds, output and errors.
sub printed {
    my ($status, @printed) = tick($bed, @_);
    is($status, 0, join ' ', 'tick', @_, 'succeeds');
    return @printed;
}
sub is_silent { my ($name) = @_; return is_deeply([printed('--quiet')], ['', ''], $name) }
sub due { $bed->sql('consumer', 'UPDATE synced_experiment SET next_attempt_at = UTC_TIMESTAMP(6)
    WHERE next_attempt_at IS NOT NULL'); return }

subtest 'what is tried again' => sub {
    my @ids = map { follow($bed, provider => $dead->url) } 1 .. 4;
    push @ids, follow($bed, provider => $fake->url, uid => 'tardis.broken', state => 'InProgress');
    my $good = follow($bed, provider => $fake->url);
    is_silent('a dead provider is silent with --quiet');
    is(state($bed, $good), 'Requested', 'though the tick did its work');
    cmp_ok(row($bed, $_, 'attempts'), '>', 0, 'and failed') for @ids;
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM provider_health WHERE left_until IS NOT NULL'), 1,
        'the provider is left alone');
    due();
    is_silent('nor does it tell what is put off');
    $bed->sql('consumer', 'DELETE FROM provider_health');
    due();
    my ($out, $err) = printed();
    like($out, qr/^tick: 6 stepped, .* 5 errors/, 'without --quiet there is the summary');
    like($err, qr/warning: uid tardis\.broken: .*next attempt in/, 'and what is tried again');
    like($err, qr/warning: provider \S+: .*left alone until/, 'and who is left alone');
    settle($bed);
};

subtest 'what failed for good' => sub {
    my $id = follow($bed, provider => $fake->url, uid => 'tardis.strike', state => 'InProgress');
    follow($bed, provider => $fake->url, uid => 'tardis.broken.too', state => 'InProgress');
    my ($out, $err) = printed('--quiet');
    is(state($bed, $id), 'FailPermanent', 'an experiment fails');
    like($out, qr/^tick: 2 stepped, .* 1 failed, .* 1 error /, 'the summary tells');
    like($err, qr/\A\S+ error: uid tardis\.strike: .*tape robot[^\n]*\n\z/, 'with the cause, and of nothing else');
    settle($bed);
};

subtest 'what waits for somebody here' => sub {
    my $strange = follow($bed, provider => $fake->url, uid => 'tardis.strange');
    change($bed, $strange, "state = 'Transcendent'");
    follow($bed, provider => 'https://nobody.example', uid => 'tardis.nobody');
    my ($out, $err) = printed('--quiet');
    like($err, qr/^\S+ error: uid tardis\.strange: .*is no state \[database_row_invalid\]/m, 'an odd row');
    like($err, qr/^\S+ error: uid tardis\.nobody: .*\[provider_unknown\]/m, 'a provider without a section');
    settle($bed);
};

subtest 'mail' => sub {
    my $sink = SmtpSink->new(refuse => {'RCPT TO' => '550 nobody of that name'});
    $bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
    $bed->set_option('consumer', 'mail_from', '"tardis@uni.example"');
    queue($bed, 1, to => ['gone@uni.example']);
    is_silent('mail that was refused is tried again');
    $bed->set_option('consumer', 'mail_deadline', 0);
    make_due($bed);
    my ($out, $err) = printed('--quiet');
    like($out, qr/^tick: 0 stepped, .* 1 mail not sent/, 'mail that was given up is told');
    like($err, qr/\A\S+ error: .*gone\@uni\.example.*given up\n\z/, 'whose it was');
    is_silent('once');
};

subtest 'the tick itself' => sub {
    my $conf = $bed->slurp($bed->env('CONSUMER_CONF'));
    $bed->set_option('consumer', 'retry_minimum', '"soon"');
    my ($status, $out, $err) = tick($bed, '--quiet');
    is($status, 78, 'a wrong configuration');
    like($err, qr/\[config_invalid\]/, 'is told in spite of --quiet');
    $bed->rewrite($bed->env('CONSUMER_CONF'), $conf);
    $bed->stop_db;
    ($status, $out, $err) = tick($bed, '--quiet');
    is($status, 75, 'a database that is away');
    like($err, qr/\[database_unavailable\]/, 'is told in spite of --quiet');
    $bed->start_db;
};

# ($body): what a tick prints if it happens while the provider thinks.
sub meanwhile {
    my ($body) = @_;
    my $log = $bed->dir . '/log/background.log';
    my $before = $fake->requests;
    $bed->rewrite($log, '');
    $bed->rewrite($gate, '');
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $fake->requests > $before }) or die "the tick asks nothing\n";
    $body->();
    unlink $gate;
    waitpid $pid, 0;
    is($?, 0, 'the tick succeeds');
    settle($bed);
    return $bed->slurp($log);
}

subtest 'what a person did meanwhile' => sub {
    for my $command (['hold', '--reason', 'stop'], ['cancel', '--reason', 'enough']) {
        my $id = follow($bed, provider => $fake->url, uid => "tardis.$command->[0]");
        my $text = meanwhile(sub { is(($bed->run('tardis-consumer', @$command, $id))[0], 0, "$command->[0]") });
        like($text, qr/^tardis-consumer: uid tardis\.$command->[0]: .*held, cancelled, restarted or taken over meanwhile/m,
            'is told, and is no warning');
        like($text, qr/^tick: 1 stepped, .* 0 failed, 1 waiting, 0 errors in/m, 'nor an error');
    }
};

ok($bed->finish, 'the servers have nothing to complain of');
done_testing;
