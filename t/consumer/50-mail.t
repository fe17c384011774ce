#!/usr/bin/perl
# Mail about what completed and what failed: to whom, with what, once, and only after the state was saved.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Encode qw(decode encode);
use Followed;
use MIME::QuotedPrint;
use SmtpSink;
use Test::More;
use Testbed;

my $bed = Testbed->new;
my $sink = SmtpSink->new;
my $admins = '{"ops@uni.example", "Night.Shift+tardis@uni.example"}';
$bed->set_option('consumer', 'smtp_url', '"' . $sink->url . '"');
$bed->set_option('consumer', 'mail_administrators', $admins);
my $title = encode('UTF-8', "R\x{f6}ntgen\r\nBcc: evil\@example.org\r\n\r\nof a very long kind "
    . "\x{e4}" x 90);

sub complete {
    my (%more) = @_;
    my $id = follow($bed, state => 'CheckingIntegrity', files => {a => 'x'}, %more);
    put_files($bed, $id, {a => $more{content} // 'x'});
    return $id;
}

# ($message): its headers, unfolded, as a reference to a hash of references to arrays, and its text.
sub parse {
    my ($message) = @_;
    my ($head, $body) = split /\n\n/, $message->{data}, 2;
    my %headers;
    for (split /\n(?![ \t])/, $head) {
        my ($name, $value) = /^([A-Za-z-]+): (.*)\z/s or die "no header: $_\n";
        push @{$headers{lc $name}}, $value;
    }
    return (\%headers, decode('UTF-8', decode_qp($body)));
}

subtest 'complete' => sub {
    my $id = complete(title => $title, owners => ['ada@uni.example', 'ops@uni.example']);
    my ($status, $out, $err) = tick($bed);
    like($out, qr/1 complete, 0 failed, 0 waiting, 0 errors, 2 mails sent in/, 'the summary counts mails')
        or diag $err;
    my @mails = $sink->messages;
    is_deeply([sort map { @{$_->{to}} } @mails], ['Night.Shift+tardis@uni.example', 'ops@uni.example'],
        'administrators get one each, owners none');
    my ($headers, $text) = parse($mails[0]);
    is($mails[0]{from}, 'tardis@uni.example', 'the sender of the envelope');
    is_deeply($headers->{from}, ['tardis@uni.example'], 'and of the message');
    is_deeply($headers->{to}, $mails[0]{to}, 'the recipient');
    is(@{$headers->{$_} // []}, 1,
        "one $_") for qw(date message-id from to subject mime-version content-type);
    ok(!$headers->{bcc}, 'a title cannot add a header');
    unlike($mails[0]{data}, qr/[^\x09\x0a\x20-\x7e]/, 'plain ASCII on the wire');
    ok(!(grep { length > 76 } split /\n/, $mails[0]{data}), 'no line is too long');
    like(decode('MIME-Header', $headers->{subject}[0]),
        qr/^\[tardis\] experiment $id is complete: R\x{f6}ntgen +Bcc: evil/,
        'the subject says what');
    like($headers->{date}[0], qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/,
        'a date as RFC 5322 has it');
    like($headers->{'message-id'}[0], qr/^<[^\s<>\@]+\@uni\.example>$/, 'a Message-ID');
    like($text, qr/uid +tardis\.\d+\n/, 'the uid');
    like($text, qr/\Q@{[$bed->env('CONSUMER_URL')]}\E\/experiment\/view\/$id\n/, 'a link');
    like($text, qr/^    tardis-consumer --config \S+ show $id$/m, 'the command to look at it');
    tick($bed, '--now');
    is(scalar $sink->messages, 2, 'nothing is sent twice');
};

subtest 'failed' => sub {
    my $id = complete(content => 'y', title => 'Plain', owners => ['ada@uni.example', 'OPS@uni.example',
        'bob',
        "eve\@uni.example>\r\nRCPT TO:<mallory\@example.org", 'Ada <ada@uni.example>']);
    $bed->set_option('consumer', 'mail_owners', 'true');
    tick($bed);
    my @mails = ($sink->messages)[2 .. 9];
    is_deeply([sort map { @{$_->{to}} } grep { $_ } @mails],
        ['Night.Shift+tardis@uni.example', 'ada@uni.example', 'ops@uni.example'],
            'owners with an address get one, each once');
    my ($headers, $text) = parse($mails[0]);
    is($headers->{subject}[0], "[tardis] experiment $id has failed (digest_mismatch): Plain", 'the subject');
    like($text, qr/1 of 1 files is not as promised: a: SHA-512 is .* \[digest_mismatch\]/, 'why');
    like($text, qr/^Who has to act: data$/m, 'whose fault');
    like($text, qr/^What to do: The file's content is not what the provider promised; /m, 'what to do');
    like($text, qr/^    tardis-consumer --config \S+ retry $id$/m, 'the command');
    $bed->set_option('consumer', 'mail_owners', 'false');
};

subtest 'switched off' => sub {
    $bed->set_option('consumer', 'mail_on_complete', 'false');
    complete();
    tick($bed);
    is(scalar $sink->messages, 5, 'no mail about what completed');
    complete(content => 'z');
    tick($bed);
    is(scalar $sink->messages, 7, 'but about what failed');
    $bed->set_option('consumer', 'mail_on_complete', undef);
};

subtest 'a mail server that is away, or refuses' => sub {
    my $port = $sink->{port};
    $sink->stop;
    my $id = complete();
    my ($status, $out, $err) = tick($bed);
    is($status, 0, 'the tick succeeds');
    is(state($bed, $id), 'Complete', 'the state is saved');
    like($out, qr/, 1 mail not sent in/, 'one was tried, and then no other');
    like($err, qr/experiment $id: mail to \S+: .*; it stays in the outbox/, 'and why');
    my $refusing = SmtpSink->new(port => $port, refuse => {'RCPT TO' => '450 not now'});
    my $due = 'UPDATE notification SET next_attempt_at = UTC_TIMESTAMP(6) WHERE sent_at IS NULL';
    $bed->sql('consumer', $due);
    ($status, $out) = tick($bed);
    like($out, qr/, 2 mails not sent in/, 'refused');
    is($bed->sql('consumer',
        "SELECT GROUP_CONCAT(DISTINCT error_code) FROM notification WHERE sent_at IS NULL"), 'mail_refused',
        'as the database knows');
    ($status, $out) = $bed->run('tardis-consumer', 'show', $id);
    like($out, qr/^  mail +to ops\@uni\.example, waiting until \S+: \S/m,
        'show tells that it waits, and why');
    $refusing->stop;
    my $working = SmtpSink->new(port => $port);
    $bed->sql('consumer', $due);
    ($status, $out) = tick($bed);
    like($out, qr/, 2 mails sent in/, 'sent when it can be');
    is(scalar $working->messages, 2, 'once each');
    is($bed->sql('consumer',
        'SELECT COUNT(*) FROM notification WHERE sent_at IS NULL OR next_attempt_at IS NOT NULL'), 0,
        'the outbox is empty');
};

done_testing;
