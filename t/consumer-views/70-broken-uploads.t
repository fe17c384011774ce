# Uploads that stall or break off are logged, and leave nothing in the temporary directory or the database.
use strict;
use warnings;
use IO::Socket::SSL;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $temp = "$bed->{dir}/temp";
mkdir $temp and chmod 01777, $temp or die "$temp: $!\n";
$bed->rewrite($bed->env('HTTPD_ENVIRONMENT'), $bed->slurp($bed->env('HTTPD_ENVIRONMENT')) . "TMPDIR=$temp\n");
$bed->add_directives('consumer', 'LoadModule reqtimeout_module ' . $bed->env('HTTPD_MODULE_DIR')
        . "/mod_reqtimeout.so\nRequestReadTimeout handshake=10 header=10 body=2");
$bed->restart_httpd('consumer');
$bed->error_log('consumer', 1);

my $document = mets('alpha', map { ["d/$_.txt", 'hello'] } 1 .. 200);
my ($type, $body) = $bed->multipart(['username', $bed->env('REGISTER_USER')], ['password',
    $bed->env('REGISTER_PASSWORD')],
    ['xmldata', $document, filename => 'METS.xml']);
my $head = "POST /experiment/register/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: $type\r\n";
my $whole = "${head}Content-Length: " . length($body) . "\r\n\r\n$body";

# ($name, @log): waits for the log line of what was sent, then looks for what remains.
sub logged {
    my ($name, $log) = @_;
    my @lines;
    ok(wait_for(sub { push @lines, log_lines($bed, 'consumer'); @lines }), "$name is logged");
    is(scalar @lines, 1, "$name: one line") or diag("@lines");
    like($lines[0], $log, "$name: which");
    $bed->expect_log($log);
    ok(wait_for(sub { !glob("$temp/*") }), "$name: no file in the temporary directory");
    is($bed->sql('consumer', 'SELECT COUNT(*) FROM experiment'), 0, "$name: no experiment");
}

# A connection that is torn before the server has looked at it is no request at all.
my $begun = sub { glob("$temp/*") };
my $broken = qr/:warn\].* client 127\.0\.0\.1: the body of the request broke off: .*\[form_invalid\]; (?:answered 400|no answer is possible)$/;
for my $share (0.1, 0.5, 0.95) {
    raw_request($bed, 'consumer', substr($whole, 0, length($whole) * $share), abort => $begun);
    logged("an upload that breaks off at $share", $broken);
}
raw_request($bed, 'consumer', "${head}Transfer-Encoding: chunked\r\n\r\n" . sprintf("%x\r\n%s\r\n", 5000,
    substr($body, 0, 5000)), abort => $begun);
logged('a chunked upload that breaks off', $broken);
my $answer = raw_request($bed, 'consumer', "${head}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n");
is($answer->{status}, 400, 'a bad chunk is answered');
logged('a bad chunk', $broken);
$answer = raw_request($bed, 'consumer', substr($whole, 0, length($whole) / 2));
is($answer->{status}, 408, 'an upload that stalls is answered');
is($answer->{headers}{connection}, 'close', 'and its connection closed');
logged('an upload that stalls', qr/:warn\].*the body of the request broke off: .*\[form_invalid\]; answered 408$/);

is($bed->request('POST', $bed->env('CONSUMER_URL') . '/experiment/register/',
    headers => {'Content-Type' => $type}, content => $body)->{status},
    200, 'the same whole');
ok(wait_for(sub { !glob("$temp/*") }), 'no file in the temporary directory');
done_testing;
