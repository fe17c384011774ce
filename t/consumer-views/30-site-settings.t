# site-settings.xml/: the file as it is, for staff users alone.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
$bed->error_log('consumer', 1);
my $url = $bed->env('SITE_SETTINGS_URL');
my $file = $bed->env('SITE_SETTINGS_FILE');
my %login = (username => $bed->env('STAFF_USER'), password => $bed->env('STAFF_PASSWORD'));

sub ask {
    my ($body, $to) = @_;
    return $bed->request('POST', $to // $url, content => $body,
        headers => {'Content-Type' => 'application/x-www-form-urlencoded'});
}

my $answer = ask($bed->form(%login));
answers($bed, 'consumer', 'a staff user', $answer, 200, $bed->slurp($file));
is($answer->{headers}{'content-type'}, 'application/xml', 'Content-Type');
answers($bed, 'consumer', 'without a slash at the end', ask($bed->form(%login),
    $url =~ s{/$}{}r), 200, $bed->slurp($file));
answers($bed, 'consumer', 'with fields that nobody knows', ask($bed->form(%login, more => 'x')), 200,
    $bed->slurp($file));

$bed->rewrite($file, $bed->slurp($file) =~ s/uni\.example/college.example/r);
answers($bed, 'consumer', 'an edited file, without a restart', ask($bed->form(%login)), 200,
    qr/\@college\.example/);

my $wrong = qr/\[tardis_consumer:error\].* client 127\.0\.0\.1: wrong password for user "staff" \[forbidden\]; answered 403$/;
answers($bed, 'consumer', 'a wrong password', ask($bed->form(username => 'staff', password => 'x')), 403,
    '', $wrong);
answers($bed, 'consumer', 'the right one in another case', ask($bed->form(username => 'staff',
    password => uc $login{password})), 403, '', $wrong);
answers($bed, 'consumer', 'a register user', ask($bed->form(username => $bed->env('REGISTER_USER'),
            password => $bed->env('REGISTER_PASSWORD'))), 403, '',
            qr/there is no user "register" \[forbidden\]; answered 403$/);
answers($bed, 'consumer', 'a name that tries to forge a log line', ask($bed->form(username => "x\n[y] z",
    password => 'x')), 403, '',
    qr/there is no user "x\?\[y\] z" \[forbidden\]; answered 403$/);
for my $case (
    ['username=staff', 'field password is missing'], ['password=x', 'field username is missing'],
    ['', 'field username is missing'], ['username=a&password=b&password=c',
    'field password is there more than once'],
    ['username=' . 'x' x 401, 'field username is longer than 400 bytes'], ['username=a%00&password=b',
    'field username holds a NUL'],
    ['username=a%0&password=b', 'a % in the form is not followed by two hexadecimal digits'],
    )
{
    answers($bed, 'consumer', $case->[1], ask($case->[0]), 400, "$case->[1] [form_invalid]\n",
        qr/:warn\].* client 127\.0\.0\.1: \Q$case->[1]\E \[form_invalid\]; answered 400$/);
}
answers($bed, 'consumer', '10 MB', ask($bed->form(%login) . '&x=' . 'x' x 10_000_000), 413, qr/16384 bytes/,
    qr/larger than 16384 bytes \[document_too_large\]; answered 413$/);
answers($bed, 'consumer', 'GET', $bed->request('GET', $url), 405, qr/\[method_refused\]/,
    qr/\[method_refused\]; answered 405$/);
answers($bed, 'consumer', 'plain HTTP', ask($bed->form(%login),
    $bed->env('CONSUMER_HTTP_URL') . '/site-settings.xml/'), 404,
    'Use HTTPS', qr/\[https_required\]; answered 404$/);

$bed->stop_db;
answers($bed, 'consumer', 'without a database', ask($bed->form(%login)), 200, qr/<site-settings>/);

my $settings = $bed->slurp($file);
unlink $file;
answers($bed, 'consumer', 'the file is gone', ask($bed->form(%login)), 500,
    "this server has a problem, see its error log [io_error]\n",
    qr/:error\].* client 127\.0\.0\.1: \Q$file\E: No such file or directory \[io_error\]; answered 500$/);
Testbed::Files::put($file, 0644, $settings);
$bed->rewrite($bed->env('CONSUMER_HTTPD_CONF'), $bed->slurp($bed->env('CONSUMER_HTTPD_CONF'))
        =~ s/^TardisConsumer(?:SiteSettings|StaffUsers).*\n//mgr);
$bed->restart_httpd('consumer');
$bed->error_log('consumer', 1);
answers($bed, 'consumer', 'a server without staff users', ask($bed->form(%login)), 500,
    "this server has a problem, see its error log [config_invalid]\n",
    qr/: TardisConsumerStaffUsers is not set for this server \[config_invalid\]; answered 500$/);
ok(!(grep { index($_, $login{password}) >= 0 } $bed->error_log('consumer')),
    'the password is not in the error log');
done_testing;
