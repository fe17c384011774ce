# Many requests at once, on both sides, and graceful restarts in between: the same answers as one after the other.
use strict;
use warnings;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $store = $bed->env('CONSUMER_STORE');
my %document = map { my $title = $_; $title => mets($title, map { ["d/$_.txt",
    'hello'] } 1 .. 100) } qw(alpha beta);
my $uid = new_experiment($bed, 'alpha');
my $form = $bed->form(uid => $uid, dest_path => '1', site_settings_url => $bed->env('SITE_SETTINGS_URL'));

my $answers = at_once(12, sub { $bed->register($document{alpha}, originid => 'tardis.1') });
my $id = $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment');
is_deeply($answers, {"200 $store/$id" => 12}, 'the same registration');
is($bed->sql('consumer', 'SELECT COUNT(*) FROM experiment'), 1, 'makes one experiment');
is($bed->sql('consumer', 'SELECT COUNT(*) FROM datafile'), 100, 'with each file once');

is_deeply(at_once(12, sub { $bed->register($document{$_[0] % 2 ? 'alpha' : 'beta'},
    originid => 'tardis.1') }),
    {"200 $store/$id" => 12}, 'two documents for it');
is($bed->sql('consumer', 'SELECT COUNT(*) FROM datafile'), 100, 'leave the files of one');

is(scalar keys %{at_once(12, sub { $bed->register($document{alpha}, originid => "tardis.2$_[0]") })}, 12,
    'different ones have different answers');
is($bed->sql('consumer', 'SELECT COUNT(*) FROM experiment'), 13, 'and an experiment each');

is_deeply(at_once(12, sub { $bed->provider('POST', 'get/', content => $form) }), {'200 OK' => 12},
    'the same get');
is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer'), 1, 'makes one transfer');

for my $round (1, 2) {
    for my $side (qw(provider consumer)) {
        my $generation = sub { scalar grep { /resuming normal operations/ } $bed->error_log($side) };
        my $before = $generation->();
        kill 'USR1', $bed->httpd_pid($side);
        ok(wait_for(sub { $generation->() > $before }), "$side restarted gracefully");
    }
    is_deeply(at_once(6, sub { $bed->register($document{alpha}, originid => 'tardis.21') }),
        {"200 $store/" . registered('tardis.21') => 6}, 'registrations after it');
    is_deeply(at_once(6, sub { $bed->provider('POST', 'get/', content => $form) }), {'200 OK' => 6},
        'get after it');
}
is_deeply([grep { /exit signal/ } $bed->error_log('provider')], [],
    'no process of the provider\'s httpd crashed');
is_deeply([grep { /exit signal/ } $bed->error_log('consumer')], [], 'nor of the consumer\'s');

sub registered {
    return $bed->sql('consumer', 'SELECT experiment_id FROM synced_experiment WHERE uid = ?', $_[0]);
}
done_testing;
