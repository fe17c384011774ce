# Requests for statuses share their queries and remember keys for a moment: still each answer belongs to its uid and its
# site and is as new as its request, an error reaches all who wait, and a key that was removed is soon refused.
use strict;
use warnings;
use DBI;
use HTTP::Tiny;
use JSON::PP;
use Test::More;
use Testbed;
use Time::HiRes qw(sleep);
use Views;

my $clients = 16;
my $bed = Testbed->new;
my $here = $bed->env('SITE_SETTINGS_URL');
my %site = (A => [$here, '127.0.0.1', $bed->env('CLIENT_KEY')], B => ['https://b.example/', '127.0.0.2', 'b' x 43]);
$bed->sql('provider', 'INSERT INTO client_key (address, key_digest, site_name, site_url, created_at) '
    . 'VALUES (?, UNHEX(SHA2(?, 256)), "B", ?, UTC_TIMESTAMP(6))', @{$site{B}}[1, 2, 0]);

# 40 experiments that both sites asked for, and one for each client, which it changes itself.
my $shared = 40;
$bed->sql('provider', 'INSERT INTO experiment (id, title, description, institution, created_at, updated_at) '
    . 'SELECT seq, "x", "", "tardis", UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_1_to_100');
$bed->sql('provider', 'INSERT INTO experiment_source SELECT seq, "/" FROM seq_1_to_90');
for my $name (sort keys %site) {
    $bed->sql('provider', 'INSERT INTO transfer (experiment_id, site_url, site_name, dest_path, state, files_total, '
        . 'bytes_total, requested_at, updated_at) SELECT seq, ?, "x", "1", "Sending", ? + seq, 1, UTC_TIMESTAMP(6), '
        . 'UTC_TIMESTAMP(6) FROM seq_1_to_80', $site{$name}[0], $name eq 'A' ? 1000 : 2000);
}

sub agent {
    my ($name) = @_;
    my ($url, $address, $key) = @{$site{$name}};
    my $agent = HTTP::Tiny->new(verify_SSL => 1, timeout => 60, keep_alive => 1, local_address => $address,
        default_headers => {'X_MYTARDIS_KEY' => $key}, SSL_options => {SSL_ca_file => $bed->env('CA_FILE')});
    return sub { $agent->get($bed->env('PROVIDER_URL') . "/apps/sync/provider/status/tardis.$_[0]/") };
}

# ($number): one client's rounds; returns what was wrong first, or ''.
sub client {
    my ($number) = @_;
    my $name = $number % 2 ? 'A' : 'B';
    my $base = $name eq 'A' ? 1000 : 2000;
    my $get = agent($name);
    my $options = $bed->env('PROVIDER_DB_OPTIONS');
    my $db = DBI->connect("DBI:MariaDB:mariadb_read_default_file=$options;mariadb_read_default_group=tardis", undef,
        undef, {RaiseError => 1, PrintError => 0});
    my $update = $db->prepare('UPDATE transfer SET files_done = ? WHERE experiment_id = ? AND site_url = ?');
    srand $number;
    for my $round (1 .. 60) {
        my $own = $shared + $number;
        $update->execute($round, $own, $site{$name}[0]);
        for my $id ($own, 1 + int rand $shared, 1 + int rand $shared) {
            my $answer = $get->($id);
            return "$answer->{status} $answer->{content}" if $answer->{status} != 200;
            my $status = decode_json($answer->{content});
            return "tardis.$id for $name: $answer->{content}" if $status->{files_total} != $base + $id;
            return "stale: $answer->{content} in round $round" if $id == $own && $status->{files_done} != $round;
        }
        for my $case ([80 + $number % 10, 'not_requested'], [90 + $number % 10, 'uid_unknown']) {
            my ($id, $code) = ($case->[0] + 1, $case->[1]);
            next if $id > 90 && $code eq 'not_requested';
            my $status = decode_json($get->($id)->{content});
            return "tardis.$id is no $code" if $status->{status} != 4 || $status->{code} ne $code
                || $status->{error} !~ /\btardis\.$id\b/;
        }
    }
    return '';
}

$bed->expect_log(qr/\[(?:not_requested|uid_unknown)\]; answered status 4$/);
is_deeply(at_once($clients, sub { {status => 'wrong:', content => client($_[0])} }), {'wrong: ' => $clients},
    'sixteen clients of two sites at once get what they asked for');

# ($end): asks until the file $end is there, and once more; returns the statuses that came.
sub ask_until {
    my ($end) = @_;
    my $get = agent('A');
    my %seen;
    while (1) {
        my $last = -e $end;
        sleep 0.02;
        $seen{$get->(1)->{status}}++;
        return join(' ', sort keys %seen) if $last;
    }
}

subtest 'the database goes and comes back meanwhile' => sub {
    # A server that is shutting down lets new connections hang.
    my $options = $bed->env('PROVIDER_DB_OPTIONS');
    $bed->rewrite($options, $bed->slurp($options) . "connect-timeout=1\n");
    $bed->expect_log(qr/\[database_unavailable\]; answered 503$/);
    my $end = $bed->dir . '/run/end';
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        for (1 .. 2) {
            $bed->stop_db;
            sleep 0.3;
            $bed->start_db;
        }
        $bed->rewrite($end, '');
        POSIX::_exit(0);
    }
    my $seen = at_once($clients, sub { {status => 'seen:', content => ask_until($end)} });
    waitpid($pid, 0);
    is($?, 0, 'the database was stopped and started');
    is_deeply([grep { !/^seen: 200(?: 503)?$/ } sort keys %$seen], [], 'nobody got anything but 200 and 503, or nothing');
    is($bed->provider('GET', 'status/tardis.1/')->{status}, 200, 'all is well afterwards');
};

subtest 'keys' => sub {
    my $refused = qr/the key is not a client key for this address \[forbidden\]; answered 403$/;
    $bed->expect_log($refused);
    my %get = map { $_ => agent($_) } qw(A B);
    is($get{$_}->(1)->{status}, 200, "$_ is known") for qw(A B);
    is($bed->provider('GET', 'status/tardis.1/', key => $site{B}[2])->{status}, 403, "another address's key");
    is($bed->provider('GET', 'status/tardis.1/', key => $site{A}[2] . 'x')->{status}, 403, 'a key that begins alike');
    $bed->sql('provider', 'DELETE FROM client_key WHERE site_name = "B"');
    ok(wait_for(sub { $get{B}->(1)->{status} == 403 }), 'a key that was removed is refused');
    is($get{A}->(1)->{status}, 200, 'the others are not');
    $bed->sql('provider', 'INSERT INTO client_key (address, key_digest, site_name, site_url, created_at) '
        . 'VALUES (?, UNHEX(SHA2(?, 256)), "B", ?, UTC_TIMESTAMP(6))', @{$site{B}}[1, 2, 0]);
    is($get{B}->(1)->{status}, 200, 'a new key works at once');
};
done_testing;
