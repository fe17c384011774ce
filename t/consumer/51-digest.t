#!/usr/bin/perl
# Many mails to one recipient become one, whose rows are marked together; none is lost and none is sent twice, however
# many ticks there are, whoever is refused, and wherever a tick is killed.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Followed;
use Outbox;
use SmtpSink;
use Test::More;
use Testbed;
use Testbed::Servers;
use Time::HiRes qw(sleep);

my $bed = Testbed->new;
my $ops = 'ops@uni.example';
my $sink;

# A new mail server, which has seen nothing.
sub serve {
    my (%options) = @_;
    $sink->stop if $sink;
    $sink = SmtpSink->new(%options);
    $bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
    return;
}

sub waiting { return $bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE next_attempt_at IS NOT NULL') }

sub forget { $bed->sql('consumer', 'DELETE FROM notification'); return }

# ($text): the ids of the experiments that a digest names.
sub named { return $_[0] =~ /^    (\d+) +\S/mg }

subtest 'as many as the threshold, and one more' => sub {
    serve();
    queue($bed, 5, to => [$ops]);
    my ($status, $out, $err) = tick($bed);
    like($out, qr/, 5 mails sent in/, 'five are five mails') or diag $err;
    is($sink->connections, 1, 'over one connection');
    my @ids = queue($bed, 6, to => [$ops]);
    ($status, $out, $err) = tick($bed);
    like($out, qr/, 1 mail sent in/, 'six are one') or diag $err;
    my ($headers, $text) = parse_mail(($sink->messages)[5]);
    is($headers->{subject}, '[tardis] 6 experiments are complete', 'which says so');
    is_deeply([sort { $a <=> $b } named($text)], \@ids, 'and names them');
    unlike($text, qr/[Ff]ail|Of other kinds/, 'and nothing else');
    is(waiting(), 0, 'all are marked');
    tick($bed);
    is(scalar $sink->messages, 6, 'nothing is sent twice');
    forget();
};

subtest 'made by a tick' => sub {
    serve();
    $bed->set_option('consumer', 'mail_administrators', "{\"$ops\", \"night\@uni.example\"}");
    my (@good, @bad);
    for (1 .. 4) {
        push @good, follow($bed, state => 'CheckingIntegrity', files => {a => 'x'});
        push @bad, follow($bed, state => 'CheckingIntegrity', files => {a => 'x'}, title => "Bad\nnews {{id}}");
        put_files($bed, $good[-1], {a => 'x'});
        put_files($bed, $bad[-1], {a => 'y'});
    }
    my ($status, $out, $err) = tick($bed);
    like($out, qr/4 complete, 4 failed, .*, 2 mails sent in/, 'a digest for each recipient') or diag $err;
    my %of = map { ($_->{to}[0] => $_) } $sink->messages;
    is_deeply([sort keys %of], ['night@uni.example', $ops], 'both got one');
    my ($headers, $text) = parse_mail($of{$ops});
    is($headers->{subject}, '[tardis] 4 experiments have failed, 4 are complete', 'the subject counts');
    like($headers->{'message-id'}, qr/^<tardis-digest-\d+-8\@uni\.example>$/, 'the Message-ID follows from the mails');
    is_deeply([named($text)], [@bad, @good], 'the failed ones come first');
    my $command = qr/tardis-consumer --config \S+/;
    like($text, qr/^    $bad[0] +Bad news \{\{id\}\}\n +1 of 1 files is not as promised: a: .* \[digest_mismatch\]
        $command retry $bad[0]$/m, 'with what was wrong and what to run');
    like($text, qr/^    $command show ID$/m, 'and how to see more');
    unlike($of{$ops}{data}, qr/[^\x09\x0a\x20-\x7e]/, 'plain ASCII on the wire');
    is(waiting(), 0, 'all are marked');
    $bed->set_option('consumer', 'mail_administrators', undef);
    forget();
};

subtest 'very many' => sub {
    serve();
    my @failed = queue($bed, 150, to => [$ops], state => 'FailPermanent', code => 'key_refused', title => 'x' x 900,
        error => 'y' x 5000);
    my @complete = queue($bed, 100, to => [$ops], title => "\x{263a}" x 200);
    my @old = queue($bed, 3, to => [$ops], state => undef);
    $bed->sql('consumer', "UPDATE synced_experiment SET state = 'Requested' WHERE experiment_id = ?", $failed[2]);
    tick($bed);
    my ($mail, @more) = $sink->messages;
    is(scalar @more, 0, 'one mail');
    my ($headers, $text) = parse_mail($mail);
    is_deeply([named($text)], [@failed, @old, @complete[0 .. 46]], 'names two hundred');
    like($text, qr/^Have failed, .*: 150$/m, 'and counts all of them');
    like($text, qr/^    and 53 more; to list them: tardis-consumer --config \S+ list --state Complete$/m,
        'with the command that lists the rest');
    like($text, qr/^Of other kinds: 3\n\n    $old[0] +\[tardis\] about $old[0]$/m,
        'what an earlier version wrote is told by its subject');
    like($text, qr/\[key_refused\]; it is Requested by now$/m, 'what was started again needs no command');
    cmp_ok(length $mail->{data}, '<', 200_000, 'it is bounded in size');
    ok(!(grep { length > 76 } split /\n/, $mail->{data}), 'and its lines are');
    is(waiting(), 0, 'all are marked');
    forget();
};

subtest 'without digests' => sub {
    serve();
    $bed->set_option('consumer', 'mail_digest_threshold', 0);
    queue($bed, 120, to => [$ops]);
    my ($status, $out) = tick($bed);
    like($out, qr/, 120 mails sent in/, 'each by itself');
    is($sink->connections, 1, 'over one connection');
    $bed->set_option('consumer', 'mail_digest_threshold', undef);
    forget();
};

subtest 'a recipient who is refused' => sub {
    serve(recipients => {'^gone' => '550 no such user', '^full' => '452 mailbox full'});
    my @ids = queue($bed, 8, to => ['gone@uni.example', $ops]);
    queue($bed, 2, to => ['full@uni.example', 'ada@uni.example', 'gone.too@uni.example', 'bob@uni.example']);
    my ($status, $out, $err) = tick($bed);
    is($status, 0, 'the tick succeeds');
    like($out, qr/, 5 mails sent, 5 mails not sent in/, 'the others get theirs');
    is_deeply([sort map { $_->{to}[0] } $sink->messages], ['ada@uni.example', 'ada@uni.example', 'bob@uni.example',
        'bob@uni.example', $ops], 'each once');
    like($err, qr/digest of 8 mails to gone\@uni\.example: .*550.*stays in the outbox/, 'and why');
    my @rows = $bed->sql('consumer', "SELECT recipient, COUNT(*), MIN(attempts), MAX(attempts), MIN(error_code),
        COUNT(DISTINCT next_attempt_at), COUNT(lease_owner) FROM notification WHERE sent_at IS NULL GROUP BY recipient");
    is_deeply(\@rows, [['full@uni.example', 2, 1, 1, 'mail_refused', 2, 0],
        ['gone.too@uni.example', 2, 1, 1, 'mail_refused', 2, 0], ['gone@uni.example', 8, 1, 1, 'mail_refused', 1, 0]],
        'what was refused waits, a digest as one');
    $bed->sql('consumer', 'UPDATE notification SET created_at = UTC_TIMESTAMP(6) - INTERVAL 30 DAY');
    make_due($bed);
    tick($bed);
    is(waiting(), 12, 'its time begins with the first refusal, not when it was written');
    $bed->sql('consumer', 'UPDATE notification SET created_at = UTC_TIMESTAMP(6)');
    $bed->sql('consumer', "UPDATE notification SET refused_since = refused_since - INTERVAL 8 DAY WHERE recipient LIKE 'full%'");
    make_due($bed);
    ($status, $out, $err) = tick($bed);
    is(waiting(), 10, 'and ends after a week') or diag $err;
    $bed->set_option('consumer', 'mail_deadline', 0);
    make_due($bed);
    ($status, $out, $err) = tick($bed);
    like($err, qr/digest of 8 mails to gone\@.*8 of 8 refused for longer than mail_deadline: given up/, 'then it is given up');
    is(waiting(), 0, 'for good');
    ($status, $out) = $bed->run('tardis-consumer', 'show', $ids[0]);
    like($out, qr/^  mail +to gone\@uni\.example, given up: \S.*550/m, 'show tells');
    ($status, $out) = $bed->run('tardis-consumer', 'show', '--json', $ids[0]);
    like($out, qr/"given_up": ?true/, 'as JSON too');
    ($status, $out) = $bed->run('tardis-consumer', 'why', $ids[0]);
    like($out, qr/Mail about it to gone\@uni\.example was given up: /, 'why tells');
    ($status, $out) = $bed->run('tardis-consumer', 'metrics');
    like($out, qr/^tardis_consumer_mails_given_up 12$/m, 'metrics count');
    my $offered = $sink->recipients;
    tick($bed);
    is($sink->recipients, $offered, 'nobody is tried again');
    $bed->sql('consumer', 'UPDATE synced_experiment SET state_since = UTC_TIMESTAMP(6) - INTERVAL 9 DAY');
    $bed->run('tardis-consumer', 'prune', '--older-than', 7);
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM notification'), 0, 'until its history is pruned');
    $bed->set_option('consumer', 'mail_deadline', undef);
    forget();
};

subtest 'a text that is refused' => sub {
    serve(texts => {EVIL => '554 virus'});
    my @ids = queue($bed, 7, to => [$ops]);
    my ($evil) = queue($bed, 1, to => [$ops], title => 'EVIL');
    $bed->sql('consumer', "UPDATE notification SET subject = 'EVIL' WHERE experiment_id = ?", $evil);
    my ($status, $out, $err) = tick($bed);
    like($out, qr/, 7 mails sent, 1 mail not sent in/, 'does not take the others with it') or diag $err;
    like($err, qr/digest to \Q$ops\E: .*554.*what it stands for is sent one by one/, 'they leave one by one');
    is_deeply([map { (parse_mail($_))[1] =~ /(\d+)/ } $sink->messages], \@ids, 'each once');
    my @left = $bed->sql('consumer', 'SELECT experiment_id, attempts, error_code FROM notification WHERE sent_at IS NULL');
    is_deeply(\@left, [[$evil, 1, 'mail_refused']], 'and it alone waits');
    forget();
};

subtest 'a server that takes mail from nobody' => sub {
    for my $reply (['MAIL FROM' => '550 not you'], [EHLO => '421 too busy'], ['RCPT TO' => '421 closing']) {
        serve(refuse => {@$reply, HELO => '421 too busy'});
        $bed->set_option('consumer', 'mail_deadline', 0);
        queue($bed, 3, to => ['ada@uni.example', 'bob@uni.example']);
        my ($status, $out, $err) = tick($bed);
        like($out, qr/, 1 mail not sent in/, "@$reply: is asked once");
        is($sink->connections, 1, 'over one connection');
        is(waiting(), 6, 'and nothing is given up');
        is($bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE next_attempt_at <= UTC_TIMESTAMP(6)'), 5,
            'the others are due at once');
        forget();
    }
    $bed->set_option('consumer', 'mail_deadline', undef);
};

subtest 'four ticks at once' => sub {
    serve();
    my @to = map { "user$_\@uni.example" } 1 .. 6;
    my @ids = queue($bed, 40, to => \@to);
    my @few = queue($bed, 3, to => [map { "few$_\@uni.example" } 1 .. 10]);
    my @pids = map { $bed->start('tardis-consumer', 'tick') } 1 .. 4;
    for my $pid (@pids) {
        waitpid $pid, 0;
        is($?, 0, 'each succeeds');
    }
    my %told;
    for my $mail ($sink->messages) {
        my ($headers, $text) = parse_mail($mail);
        $told{"$mail->{to}[0] $_"}++ for $text =~ /^It is about (\d+)/ ? $1 : named($text);
    }
    is(keys %told, 6 * 40 + 10 * 3, 'everybody was told of everything');
    is_deeply([grep { $told{$_} > 1 } sort keys %told], [], 'once');
    is(waiting(), 0, 'all are marked');
    forget();
};

# Starts a tick, and waits until the server has its mail but has not said so.
sub tick_in_the_middle {
    serve(thinking => 2);
    my $pid = $bed->start('tardis-consumer', 'tick');
    Testbed::Servers::wait_until(20, sub { $sink->messages }) or die "the tick sends nothing\n";
    return $pid;
}

subtest 'killed while the server thinks' => sub {
    queue($bed, 9, to => [$ops]);
    my $pid = tick_in_the_middle();
    kill 'KILL', $pid;
    waitpid $pid, 0;
    my ($first) = $sink->messages;
    serve();
    my ($status, $out) = tick($bed);
    is(scalar $sink->messages, 0, 'another tick leaves it alone while the lease lasts');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE sent_at IS NULL AND lease_owner IS NOT NULL'), 9,
        'of all that the digest stands for');
    make_due($bed);
    tick($bed);
    my ($second, @more) = $sink->messages;
    is(scalar @more, 0, 'then it is sent once more');
    my @heads = map { (parse_mail($_))[0]{'message-id'} } $first, $second;
    is($heads[0], $heads[1], 'as what it is');
    is(waiting(), 0, 'and marked');
    forget();
};

subtest 'the database goes while the server thinks' => sub {
    queue($bed, 9, to => [$ops]);
    my $pid = tick_in_the_middle();
    $bed->stop_db;
    sleep 2;
    $bed->start_db;
    waitpid $pid, 0;
    is($?, 0, 'the tick waits for it');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE sent_at IS NOT NULL'), 9, 'and marks what was sent');
    is(scalar $sink->messages, 1, 'once');
    forget();
};

subtest 'killed anywhere' => sub {
    serve();
    $bed->set_option('consumer', 'lease_seconds', 1);
    my @ids = queue($bed, 3, to => [map { "user$_\@uni.example" } 1 .. 30]);
    queue($bed, 20, to => [$ops]);
    my $killed = 0;
    for my $round (1 .. 8) {
        my $pid = $bed->start('tardis-consumer', 'tick');
        sleep 0.01 * $round;
        $killed += kill 'KILL', $pid;
        waitpid $pid, 0;
        make_due($bed);
    }
    # The server may end what a client that was killed has asked it, a moment later.
    for (1 .. 20) {
        tick($bed);
        last if !waiting();
        sleep 0.1;
        make_due($bed);
    }
    is(waiting(), 0, 'in the end all are sent');
    my %told;
    for my $mail ($sink->messages) {
        my ($headers, $text) = parse_mail($mail);
        $told{"$mail->{to}[0] $_"}++ for $text =~ /^It is about (\d+)/ ? $1 : named($text);
    }
    is(keys %told, 30 * 3 + 20, 'nobody misses anything');
    my $doubled = grep { $told{$_} > 1 && !/^ops/ } keys %told;
    cmp_ok($doubled, '<=', $killed, 'and each kill has doubled one mail at most');
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM notification WHERE lease_owner IS NOT NULL'), 0, 'nothing is held');
};

$bed->expect_log(qr/tardis/); # the modules notice that the database went
done_testing;
