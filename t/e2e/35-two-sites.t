#!/usr/bin/env perl
# One experiment, two institutions: both are told, one of them late because it is down; each asks with its own key, gets
# its own copy and proves it; neither sees or disturbs the other.

use strict;
use warnings;
use Sending;
use Test::More;
use Testbed;

my $bed = Testbed->new;    # the provider, and the first site
my $second = Testbed->new; # of this one only the consumer is used
my $second_name = 'Second University';

# Both have an authority of their own.
my $authorities = $bed->dir . '/authorities.pem';
$bed->rewrite($authorities, join('', map { $_->slurp($_->env('CA_FILE')) } $bed, $second));
$bed->set_option('provider', 'ca_file', "\"$authorities\"");
$second->set_option('consumer', 'ca_file', "\"$authorities\"");

my ($site) = $second->slurp($second->env('SITES_FILE')) =~ m{(<site>.*</site>)}s;
$site =~ s{<name>[^<]*}{<name>$second_name};
$bed->rewrite($bed->env('SITES_FILE'), $bed->slurp($bed->env('SITES_FILE')) =~ s{(?=</sites>)}{$site}r);
my $key_file = $second->dir . '/second.key';
my ($status, $out, $err) = $bed->run('tardis-provider', 'key', 'add', '--site', $second_name, '--address',
    '127.0.0.1', '--key-file', $key_file);
is($status, 0, 'a key for the second site') or diag $err;
$second->rewrite($second->env('CONSUMER_CONF'), $second->slurp($second->env('CONSUMER_CONF'))
    . 'provider "' . $bed->env('PROVIDER_URL') . "\" {\n  key_file = \"$key_file\"\n}\n");

my $uid = $bed->import_experiment('shared', {map { ("d/$_" => "file $_") } 1 .. 30}, '--epn', 'shared');
$second->stop_httpd('consumer');
($status, $out) = $bed->run('tardis-provider', 'transfer', 'shared');
is($status, 1, 'not both could be told');
like($out, qr/^Testbed University: registered as /m, 'the first was');
like($out, qr/^$second_name: not reached: .*\[consumer_unreachable\]; `send` tries again$/m, 'the second is down');
$second->start_httpd('consumer');
like(send_now($bed), qr/1 registered/, 'send tells it when it is back');

for my $each ($bed, $second) {
    is($each->tick_until(1, 'Requested'), 'Requested', 'each asks for its copy');
}
my @transfers = $bed->sql('provider', 'SELECT site_name, state FROM transfer ORDER BY site_name');
is_deeply(\@transfers, [[$second_name, 'Queued'], ['Testbed University', 'Queued']], 'two transfers');

($status) = $bed->run('tardis-provider', 'cancel', $uid, '--site', $second_name);
is($status, 0, 'one can be cancelled');
like(send_now($bed), qr/1 complete/, 'and the other is sent');
is($second->tick_until(1, 'Complete'), 'FailPermanent', 'who was cancelled learns that');
is($bed->tick_until(1, 'Complete'), 'Complete', 'the other has its copy');
($status) = $second->run('tardis-consumer', 'retry', $uid);
is($status, 0, 'it asks anew');
is($second->tick_until(1, 'Requested'), 'Requested', 'which is accepted');
like(send_now($bed), qr/1 complete/, 'sent');
is($second->tick_until(1, 'Complete'), 'Complete', 'and proven');
for my $each ($bed, $second) {
    ($status, $out) = $each->run('diff', '-r', $bed->env('PROVIDER_STORE') . '/shared', $each->env('CONSUMER_STORE') . '/1');
    is("$status$out", '0', 'the copy is the same');
}

my $form = $bed->form(uid => $uid, dest_path => '9', site_settings_url => $bed->env('SITE_SETTINGS_URL'));
my $answer = $bed->provider('POST', 'get/', content => $form, key => $bed->slurp($key_file) =~ s/\n//r);
is($answer->{status}, 400, 'the key of one site asks for nothing in the name of the other');
$bed->expect_log(qr/uid \Q$uid\E: .*\[site_unknown\]; answered 400/);
is(scalar $bed->sql('provider', 'SELECT COUNT(*) FROM transfer'), 2, 'and nothing is recorded');

done_testing;
