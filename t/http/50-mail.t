#!/usr/bin/perl
# Mail leaves over SMTP; what refuses it is told apart from what cannot be reached.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use HttpClient;
use SmtpSink;
use Test::More;

my $message = "From: tardis\@consumer.example\r\nSubject: Complete\r\n\r\n.a line with a dot\r\nlast\r\n";

sub mail {
    my ($url, @recipients) = @_;
    my ($response) = HttpClient::run('--from', 'tardis@consumer.example', (map { ('--to', $_) } @recipients),
        '--message', $message, '--total', 20, '--stall', 1, 'MAIL', $url);
    return $response;
}

my $sink = SmtpSink->new;
is(mail($sink->url, 'admin@consumer.example', 'owner@uni.example')->{error}, '', 'a mail is taken');
my ($mail, @more) = $sink->messages;
is(scalar @more, 0, 'once');
is($mail->{from}, 'tardis@consumer.example', 'sender');
is_deeply($mail->{to}, ['admin@consumer.example', 'owner@uni.example'], 'recipients');
(my $expected = $message) =~ s/\r\n/\n/g;
is($mail->{data}, $expected, 'the message, byte for byte');

my $refusing = SmtpSink->new(refuse => {'RCPT TO' => '550 no such user'});
my $response = mail($refusing->url, 'nobody@consumer.example');
is($response->{error}, 'mail_refused', 'every recipient is refused');
like($response->{text}, qr/: recipient refused: 550 no such user$/, "in the server's words");
$response = mail(SmtpSink->new(refuse => {'RCPT TO' => "550-first\r\n550 a\e[2J\xff" . 'b' x 400})->url, 'a@b.example');
like($response->{text}, qr/: recipient refused: 550 a\?\[2J\?b{100,200}$/, 'as far as they are plain');
is(mail(SmtpSink->new(refuse => {DATA => '452 full'})->url, 'a@b.example')->{error}, 'mail_refused', 'the message is refused');
is(mail(SmtpSink->new(refuse => {'MAIL FROM' => '451 later'})->url, 'a@b.example')->{error}, 'mail_refused', 'the sender is refused');
like(mail(SmtpSink->new(texts => {last => '554 no'})->url, 'a@b.example')->{text}, qr/: message refused: 554 no$/, 'the text is refused');
like(mail(SmtpSink->new(refuse => {'MAIL FROM' => '550 you'})->url, 'a@b.example')->{text}, qr/: sender refused: 550 you$/, 'which is told');
like(mail(SmtpSink->new(refuse => {EHLO => '500 what', HELO => '554 go'})->url, 'a@b.example')->{text}, qr/: session refused: 554 go$/,
    'the session is refused');
is(mail('smtp://127.0.0.1:1', 'a@b.example')->{error}, 'host_unreachable', 'nobody listens');
is(mail(SmtpSink->new(silent => 1)->url, 'a@b.example')->{error}, 'host_timeout', 'a server that is silent');

done_testing;
