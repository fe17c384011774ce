# register/: what a good registration stores and answers, sent in every way that the protocol allows.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
$bed->error_log('consumer', 1);
my $store = $bed->env('CONSUMER_STORE');
my $url = $bed->env('CONSUMER_URL');

sub registered {
    my ($name, $answer, $id) = @_;
    answers($bed, 'consumer', $name, $answer, 200, "$store/$id");
    is($answer->{headers}{location}, "$url/experiment/view/$id", "$name: Location");
    like($answer->{headers}{'content-type'}, qr{^text/plain}, "$name: Content-Type");
    ok(!-e "$store/$id", "$name: no directory is made");
}

sub post {
    my ($path, $type, $body) = @_;
    return $bed->request('POST', "$url$path", headers => {'Content-Type' => $type}, content => $body);
}

my @login = (['username', $bed->env('REGISTER_USER')], ['password', $bed->env('REGISTER_PASSWORD')]);
my @origin = (['from_url', 'https://provider.example/base'], ['originid', 'tardis.42']);
my $document = mets('alpha', ['d/a.txt', 'hello'], ['d/b.txt', '']);
my @file = ('xmldata', $document, filename => 'METS.xml', type => 'text/xml');

registered('a registration', post('/experiment/register/', $bed->multipart(@login, @origin,
        ['experiment_owner', 'ada@uni.example'], ['experiment_owner', "J\xc3\xbcrgen"], ['experiment_owner',
        ''],
        ['unknown', 'x' x 5000], [@file])), 1);
is_deeply([$bed->sql('consumer',
        'SELECT uid, provider_url, state, next_attempt_at IS NOT NULL FROM synced_experiment')],
    [['tardis.42', 'https://provider.example/base', 'Ingested', 1]], 'it is followed');
is_deeply([$bed->sql('consumer', 'SELECT HEX(email) FROM owner ORDER BY number')],
    [[uc unpack('H*', 'ada@uni.example')], [uc unpack('H*', "J\xc3\xbcrgen")]], 'owners');
is_deeply([$bed->sql('consumer', 'SELECT path, size FROM datafile ORDER BY number')], [['d/a.txt', 5],
    ['d/b.txt', 0]], 'files');
is($bed->sql('consumer', 'SELECT title FROM experiment'), 'alpha', 'title');

registered('the same again', post('/experiment/register/', $bed->multipart(@login, @origin, [@file])), 1);
registered('without a slash at the end', post('/experiment/register', $bed->multipart(@login, @origin,
    [@file])), 1);
registered('the file first, the credentials last', post('/experiment/register/', $bed->multipart([@file],
    @origin, @login)), 1);
registered('as the original writes the file part',
    post('/experiment/register/', $bed->multipart(@login, @origin, [@file, disposition => 'file'])), 1);
is($bed->sql('consumer', 'SELECT COUNT(*) FROM experiment'), 1, 'still one experiment');

registered('another uid', post('/experiment/register/', $bed->multipart(@login, $origin[0], ['originid',
    'tardis.43'], [@file])), 2);
registered('another provider',
    post('/experiment/register/', $bed->multipart(@login, ['from_url', 'https://other.example'], $origin[1],
    [@file])), 3);
registered('without an origin', post('/experiment/register/', $bed->multipart(@login, [@file])), 4);
is($bed->sql('consumer', 'SELECT COUNT(*) FROM synced_experiment'), 3, 'which is not followed');

my @changed = ('xmldata', mets('beta', ['d/a.txt', 'hello']), filename => 'METS.xml');
registered('a changed document', post('/experiment/register/', $bed->multipart(@login, @origin,
    [@changed])), 1);
is($bed->sql('consumer', 'SELECT title FROM experiment WHERE id = 1'), 'beta', 'updates the experiment');
is($bed->sql('consumer', 'SELECT COUNT(*) FROM datafile WHERE experiment_id = 1'), 1, 'and its files');
$bed->sql('consumer', 'UPDATE synced_experiment SET state = "Complete" WHERE experiment_id = 1');
answers($bed, 'consumer', 'once it is complete', post('/experiment/register/', $bed->multipart(@login,
    @origin, [@file])), 409,
    qr/ \[conflict\]\n$/, qr/:warn\].* uid tardis\.42: client 127\.0\.0\.1: .*\[conflict\]; answered 409$/);
registered('but the same document', post('/experiment/register/', $bed->multipart(@login, @origin,
    [@changed])), 1);

my ($type, $body) = $bed->multipart(@login, ['originid', 'tardis.44'], $origin[0], [@file]);
my $pieces = join('', map { sprintf("%x\r\n%s\r\n", length $_, $_) } $body =~ /(.{1,7})/gs);
my $answer = raw_request($bed, 'consumer', "POST /experiment/register/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        . "Content-Type: $type\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${pieces}0\r\n\r\n");
is($answer->{status}, 200, 'a chunked body in small pieces');
is($answer->{content}, "$store/5", 'is the same');

$bed->add_directives('consumer', "TardisConsumerBaseURL https://data.uni.example/tardis/\nTardisConsumerAllowEmpty On");
$bed->restart_httpd('consumer');
$answer = post('/experiment/register/', $bed->multipart(@login, @origin, [@changed]));
is($answer->{headers}{location}, 'https://data.uni.example/tardis/experiment/view/1',
    'Location below TardisConsumerBaseURL');
$answer = post('/experiment/register/', $bed->multipart(@login, ['xmldata', mets('empty'),
    filename => 'e.xml']));
is($answer->{status}, 200, 'a document without files where that is allowed') or diag($answer->{content});
done_testing;
