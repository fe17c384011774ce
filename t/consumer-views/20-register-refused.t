# register/: what is refused, how, and that nothing of it remains.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $temp = "$bed->{dir}/temp";
mkdir $temp and chmod 01777, $temp or die "$temp: $!\n";
$bed->rewrite($bed->env('HTTPD_ENVIRONMENT'), $bed->slurp($bed->env('HTTPD_ENVIRONMENT')) . "TMPDIR=$temp\n");
$bed->add_directives('consumer', 'TardisConsumerDocumentLimit 100000');
$bed->restart_httpd('consumer');
$bed->error_log('consumer', 1);

my $url = $bed->env('CONSUMER_URL') . '/experiment/register/';
my $good = mets('alpha', ['d/a.txt', 'hello']);
my @login = (['username', $bed->env('REGISTER_USER')], ['password', $bed->env('REGISTER_PASSWORD')]);
my @origin = (['from_url', 'https://provider.example'], ['originid', 'tardis.42']);
my @file = ('xmldata', $good, filename => 'METS.xml', type => 'text/xml');

sub nothing_remains {
    my ($name) = @_;
    for my $table (qw(experiment synced_experiment datafile synced_event notification)) {
        is($bed->sql('consumer', "SELECT COUNT(*) FROM $table"), 0, "$name: no row in $table");
    }
    ok(wait_for(sub { !glob("$temp/*") }), "$name: no file in the temporary directory");
    is_deeply([glob($bed->env('CONSUMER_STORE') . '/*')], [], "$name: nothing in the store");
}

sub refused {
    my ($name, $status, $content, $log, @parts) = @_;
    my ($type, $body) = $bed->multipart(@parts);
    my $answer = $bed->request('POST', $url, headers => {'Content-Type' => $type}, content => $body);
    answers($bed, 'consumer', $name, $answer, $status, $content, $log);
    nothing_remains($name);
}

sub invalid {
    my ($name, $text, @parts) = @_;
    refused($name, 400, "$text [form_invalid]\n",
        qr/:warn\].* client 127\.0\.0\.1: \Q$text\E \[form_invalid\]; answered 400$/, @parts);
}

# Credentials.
my $wrong = qr/\[tardis_consumer:error\].* client 127\.0\.0\.1: wrong password for user "register" \[forbidden\]; answered 403$/;
refused('a wrong password', 403, '', $wrong, $login[0], ['password', 'x'], @origin, [@file]);
refused('a wrong password after the file', 403, '', $wrong, [@file], @origin, $login[0], ['password', 'x']);
refused('a wrong password and no METS', 403, '', $wrong, ['xmldata', 'no', filename => 'x'], $login[0],
    ['password', 'x']);
refused('an empty password', 403, '', $wrong, $login[0], ['password', ''], [@file]);
refused('an unknown user', 403, '', qr/: there is no user "nobody" \[forbidden\]; answered 403$/,
    ['username', 'nobody'],
    $login[1], [@file]);
refused('a staff user', 403, '', qr/: there is no user "staff" \[forbidden\]; answered 403$/,
    ['username', 'staff'], ['password', $bed->env('STAFF_PASSWORD')], [@file]);

# Fields.
invalid('no username', 'field username is missing', $login[1], [@file]);
invalid('no password', 'field password is missing', $login[0], [@file]);
invalid('no xmldata', 'field xmldata is missing', @login, @origin);
invalid('two usernames', 'field username is there more than once', @login, $login[0], [@file]);
invalid('two passwords', 'field password is there more than once', @login, $login[1], [@file]);
invalid('two documents', 'field xmldata is there more than once', @login, [@file], [@file]);
invalid('two uids', 'field originid is there more than once', @login, @origin, $origin[1], [@file]);
invalid('a long username', 'field username is longer than 400 bytes', ['username', 'x' x 401], $login[1],
    [@file]);
invalid('a long owner', 'field experiment_owner is longer than 400 bytes', @login, ['experiment_owner',
    'x' x 401], [@file]);
invalid('a NUL in a field', 'field originid holds a NUL', @login, ['originid', "a\0b"], [@file]);
invalid('a uid without a provider', 'the form has only one of originid and from_url, which go together',
    @login, $origin[1], [@file]);
invalid('a provider without a uid', 'the form has only one of originid and from_url, which go together',
    @login, $origin[0], [@file]);
invalid('a slash too many', 'from_url ends in a slash', @login, ['from_url', 'https://a.example/'],
    $origin[1], [@file]);
invalid('an owner that is not UTF-8', 'experiment_owner is not UTF-8 text of one line', @login,
    ['experiment_owner', "\xff"], [@file]);
invalid('an owner of two lines', 'experiment_owner is not UTF-8 text of one line', @login,
    ['experiment_owner', "a\r\nb"], [@file]);
invalid('very many fields', 'the form has more than 1000 fields', @login, (map { ['x', ''] } 1 .. 1000),
    [@file]);
for my $bad ('provider.example', 'ftp://a.example', 'https://user@a.example', 'https://', 'javascript:x') {
    refused("from_url $bad", 400, qr/^from_url: .* \[form_invalid\]\n$/,
        qr/: from_url: .*\[form_invalid\]; answered 400$/,
        @login, ['from_url', $bad], $origin[1], [@file]);
}
for my $bad ('a b', '../x', 'x' x 256, '') {
    refused('originid ' . substr($bad, 0, 10), 400, qr/ \[uid_invalid\]\n$/,
        qr/: originid: .*\[uid_invalid\]; answered 400$/, @login,
        $origin[0], ['originid', $bad], [@file]);
}

# Documents.
sub document {
    my ($name, $status, $code, $text, $line) = @_;
    my $where = $line ? qr/line $line: / : '';
    refused($name, $status, qr/^$where.* \[$code\]\n$/, qr/: $where.*\[$code\]; answered $status$/, @login,
        @origin,
        ['xmldata', $text, filename => 'METS.xml']);
}
document('not XML', 400, 'document_malformed', "hello\n", qr/1/);
document('nothing', 400, 'document_malformed', '');
document('a truncated document', 400, 'document_malformed', substr($good, 0, length($good) / 2), qr/\d+/);
document('another document', 400, 'document_invalid', '<html/>');
document('a bad path', 400, 'path_invalid', mets('x', ['../a.txt', 'hello']), qr/\d+/);
document('a bad size', 400, 'document_invalid', mets('x', ['a.txt', undef, 'SIZE="-1"']), qr/\d+/);
document('a document without files', 400, 'manifest_empty', mets('empty'));
document('a large document', 413, 'document_too_large', $good . ' ' x 100_000);

# The request itself.
answers($bed, 'consumer', 'GET', $bed->request('GET', $url), 405, qr/\[method_refused\]/,
    qr/use POST \[method_refused\]; answered 405$/);
answers($bed, 'consumer', 'no multipart', $bed->request('POST', $url,
    content => $bed->form(username => 'register'),
        headers => {'Content-Type' => 'application/x-www-form-urlencoded'}), 400,
    "the Content-Type must be multipart/form-data [form_invalid]\n", qr/\[form_invalid\]; answered 400$/);
my ($type, $body) = $bed->multipart(@login, @origin, [@file]);
answers($bed, 'consumer', 'plain HTTP', $bed->request('POST',
    $bed->env('CONSUMER_HTTP_URL') . '/experiment/register/',
        headers => {'Content-Type' => $type}, content => $body), 404, 'Use HTTPS',
        qr/\[https_required\]; answered 404$/);
answers($bed, 'consumer', 'a form cut short', $bed->request('POST', $url,
    headers => {'Content-Type' => $type},
        content => substr($body, 0, -10)), 400, qr/closing boundary/,
        qr/closing boundary \[form_invalid\]; answered 400$/);
my $head = "POST /experiment/register/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: $type\r\n";
my $answer = raw_request($bed, 'consumer', "${head}Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n");
answers($bed, 'consumer', '10 MB that are only announced', $answer, 413, qr/\[document_too_large\]/,
    qr/: the body of the request is larger than \d+ bytes \[document_too_large\]; answered 413$/);
is($answer->{headers}{connection}, 'close', 'and the connection is closed');
my ($stranger) = ($bed->multipart($login[0], ['password', 'x'], [@file]))[1] =~ /^(.*<mets)/s;
my ($boundary) = $stranger =~ /^--(\S+)/;
$answer = raw_request($bed, 'consumer', "POST /experiment/register/ HTTP/1.1\r\nHost: localhost\r\n"
        . "Content-Type: multipart/form-data; boundary=$boundary\r\nContent-Length: 90000\r\n\r\n$stranger");
answers($bed, 'consumer', 'a stranger, before the document is there', $answer, 403, '', $wrong);
is($answer->{headers}{connection}, 'close', 'and the connection is closed');
for my $path ('/experiment/register/x', '/apps/sync/consumer/', '/apps/sync/consumer/notify_experiment/') {
    answers($bed, 'consumer', "no view at $path", $bed->request('POST', $bed->env('CONSUMER_URL') . $path,
        content => ''), 404,
        qr/\[not_found\]/, qr/there is no view at \Q$path\E \[not_found\]; answered 404$/);
}
nothing_remains('at last');
ok(!(grep { index($_, $bed->env('REGISTER_PASSWORD')) >= 0 } $bed->error_log('consumer')),
    'the password is not in the error log');
done_testing;
