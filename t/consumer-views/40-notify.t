# notify_experiment/: what the provider says is due, is due now.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $base = $bed->env('CONSUMER_URL') . '/apps/sync/consumer/notify_experiment';
my %login = (username => $bed->env('REGISTER_USER'), password => $bed->env('REGISTER_PASSWORD'));
$bed->error_log('consumer', 1);

sub notify {
    my ($path, @fields) = @_;
    my %all = (%login, @fields);
    return $bed->request('POST', "$base/$path", content => $bed->form(%all),
        headers => {'Content-Type' => 'application/x-www-form-urlencoded'});
}

sub due {
    return $bed->sql('consumer', 'SELECT next_attempt_at <= UTC_TIMESTAMP(6) FROM synced_experiment');
}

is($bed->register(mets('alpha', ['a.txt', 'hello']), originid => 'tardis.42')->{status}, 200, 'registered');
for my $path ('tardis.42/', 'tardis.42') {
    $bed->sql('consumer', 'UPDATE synced_experiment SET state = "Requested", '
        . 'next_attempt_at = UTC_TIMESTAMP(6) + INTERVAL 1 DAY');
    is(due(), 0, 'not due');
    my $answer = notify($path);
    answers($bed, 'consumer', "notify $path", $answer, 204, '');
    is(due(), 1, 'due now');
}
ok($bed->sql('consumer', 'SELECT COUNT(*) FROM synced_event WHERE kind = "notify"'), 'the history tells');

$bed->sql('consumer', 'UPDATE synced_experiment SET state = "Complete", next_attempt_at = NULL');
answers($bed, 'consumer', 'what is complete', notify('tardis.42/'), 204, '');
is($bed->sql('consumer', 'SELECT next_attempt_at FROM synced_experiment'), undef, 'stays so');

answers($bed, 'consumer', 'an unknown uid', notify('tardis.43/'), 404, qr/\[not_found\]/,
    qr/:warn\].* uid tardis\.43: client 127\.0\.0\.1: no experiment with this uid was registered here \[not_found\]; answered 404$/);
answers($bed, 'consumer', 'a malformed uid', notify('tardis%2042/'), 400, qr/\[uid_invalid\]/,
    qr/\[uid_invalid\]; answered 400$/);
answers($bed, 'consumer', 'a uid longer than a file name may be', notify('x' x 5000), 400,
    qr/\[uid_invalid\]/,
    qr/\[uid_invalid\]; answered 400$/);
my $wrong = qr/:error\].* client 127\.0\.0\.1: wrong password for user "register" \[forbidden\]; answered 403$/;
answers($bed, 'consumer', "a wrong password, $_", notify($_, password => 'x'), 403, '', $wrong)
    for 'tardis.42/', 'tardis.43/', 'tardis%2042/';
answers($bed, 'consumer', 'no credentials', $bed->request('POST', "$base/tardis.42/", content => ''), 400,
    qr/\[form_invalid\]/,
    qr/field username is missing \[form_invalid\]; answered 400$/);
answers($bed, 'consumer', 'GET', $bed->request('GET', "$base/tardis.42/"), 405, qr/\[method_refused\]/,
    qr/\[method_refused\]/);
answers($bed, 'consumer', 'plain HTTP', $bed->request('POST', $bed->env('CONSUMER_HTTP_URL')
        . '/apps/sync/consumer/notify_experiment/tardis.42/', content => $bed->form(%login)), 404,
        'Use HTTPS', qr/\[https_required\]/);
done_testing;
