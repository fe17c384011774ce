# The database goes away and comes back: 503 meanwhile, and nothing to restart afterwards. So for a schema of another
# version.
use strict;
use warnings;
use Test::More;
use Testbed;
use Time::HiRes qw(sleep);
use Views;

my $bed = Testbed->new;
my $uid = new_experiment($bed, 'alpha');
my $form = $bed->form(uid => $uid, dest_path => '1', site_settings_url => $bed->env('SITE_SETTINGS_URL'));
my $down = qr/\[tardis_provider:error\].* client 127\.0\.0\.1: .*\[database_unavailable\]; answered 503$/;

# ($count): asks for the status that many times at once; returns how often each HTTP status came.
sub ask_at_once {
    my ($count) = @_;
    my $answers = at_once($count, sub { return {%{$bed->provider('GET', "status/$uid/")}, content => ''} });
    return {map { (split / /)[0] => $answers->{$_} } keys %$answers};
}

is($bed->provider('POST', 'get/', content => $form)->{status}, 200, 'requested');
is_deeply(ask_at_once(20), {200 => 20}, 'twenty at once');
$bed->error_log('provider', 1);

for my $round (1, 2) {
    $bed->stop_db;
    sleep 1.1; # until the key is not remembered any more
    for my $path ("status/$uid/", 'nowhere') {
        my $answer = $bed->provider('GET', $path);
        answers($bed, 'provider', "database away, $path", $answer, 503,
            "this server has a problem, see its error log [database_unavailable]\n", $down);
        like($answer->{headers}{'retry-after'}, qr/^[1-9]\d*$/, 'Retry-After');
    }
    answers($bed, 'provider', 'database away, get', $bed->provider('POST', 'get/', content => $form), 503,
        qr/\[database_unavailable\]/, $down);
    is_deeply(ask_at_once(10), {503 => 10}, 'ten at once');
    log_is($bed, 'provider', ($down) x 10);
    $bed->start_db;
    is_deeply(ask_at_once(20), {200 => 20}, 'twenty at once when it is back');
    answers($bed, 'provider', 'get when it is back', $bed->provider('POST', 'get/', content => $form), 200,
        'OK');
}

$bed->stop_db;
$bed->restart_httpd('provider');
$bed->error_log('provider', 1);
answers($bed, 'provider', 'httpd started without a database', $bed->provider('GET', "status/$uid/"), 503,
    qr/\[database_unavailable\]/, $down);
$bed->start_db;
answers($bed, 'provider', 'which then comes', $bed->provider('GET', "status/$uid/"), 200, qr/"status": 2/);

$bed->restart_httpd('provider');
$bed->error_log('provider', 1);
$bed->sql('provider', 'UPDATE schema_version SET version = version + 1 WHERE component = "provider"');
my $mismatch = qr/:error\].* client 127\.0\.0\.1: .*\[schema_mismatch\]; answered 503$/;
for (1, 2) {
    answers($bed, 'provider', 'a schema that is too new', $bed->provider('GET', "status/$uid/"), 503,
        qr/\[schema_mismatch\]/, $mismatch);
}
$bed->sql('provider', 'UPDATE schema_version SET version = version - 2 WHERE component = "provider"');
my $answer = $bed->provider('GET', "status/$uid/");
answers($bed, 'provider', 'one that is too old', $answer, 503, qr/\[schema_mismatch\]/,
    qr/tardis-provider schema upgrade.*\[schema_mismatch\]; answered 503$/);
like($answer->{headers}{'retry-after'}, qr/^[1-9]\d*$/, 'Retry-After');
$bed->sql('provider', 'UPDATE schema_version SET version = version + 1 WHERE component = "provider"');
answers($bed, 'provider', 'the right one, without a restart', $bed->provider('GET', "status/$uid/"), 200,
    qr/"status": 2/);
done_testing;
