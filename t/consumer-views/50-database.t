# The consumer's database goes away and comes back: 503 meanwhile, and nothing half done.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $document = mets('alpha', ['a.txt', 'hello']);
my $notify = $bed->env('CONSUMER_URL') . '/apps/sync/consumer/notify_experiment/tardis.1/';
my $login = $bed->form(username => $bed->env('REGISTER_USER'), password => $bed->env('REGISTER_PASSWORD'));
my $down = qr/\[tardis_consumer:error\].* uid tardis\.1: client 127\.0\.0\.1: .*\[database_unavailable\]; answered 503$/;
$bed->error_log('consumer', 1);

for my $round (1, 2) {
    $bed->stop_db;
    for my $answer ($bed->register($document), $bed->request('POST', $notify, content => $login)) {
        is($answer->{status}, 503, 'database away');
        is($answer->{content}, "this server has a problem, see its error log [database_unavailable]\n",
            'content');
        like($answer->{headers}{'retry-after'}, qr/^[1-9]\d*$/, 'Retry-After');
    }
    log_is($bed, 'consumer', $down, $down);
    answers($bed, 'consumer', 'a wrong password is one all the same', $bed->register($document,
        password => 'x'), 403, '',
        qr/wrong password for user "register" \[forbidden\]; answered 403$/);
    $bed->start_db;
    answers($bed, 'consumer', 'the database is back', $bed->register($document), 200,
        $bed->env('CONSUMER_STORE') . '/1');
    is($bed->request('POST', $notify, content => $login)->{status}, 204, 'for notify too');
}
is($bed->sql('consumer', 'SELECT COUNT(*) FROM experiment'), 1, 'one experiment');

$bed->restart_httpd('consumer');
$bed->error_log('consumer', 1);
$bed->sql('consumer', 'UPDATE schema_version SET version = version + 1 WHERE component = "consumer"');
answers($bed, 'consumer', 'a schema of another version', $bed->register($document), 503,
    qr/\[schema_mismatch\]/,
    qr/:error\].* uid tardis\.1: .*\[schema_mismatch\]; answered 503$/);
$bed->sql('consumer', 'UPDATE schema_version SET version = version - 2 WHERE component = "consumer"');
answers($bed, 'consumer', 'one that is too old', $bed->register($document), 503, qr/\[schema_mismatch\]/,
    qr/tardis-consumer schema upgrade.*\[schema_mismatch\]; answered 503$/);
$bed->sql('consumer', 'UPDATE schema_version SET version = version + 1 WHERE component = "consumer"');
answers($bed, 'consumer', 'the right one, without a restart', $bed->register($document), 200, qr{/1$});
done_testing;
