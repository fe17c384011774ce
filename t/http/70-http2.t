#!/usr/bin/perl
# Many requests go over few kept connections, in HTTP/2 where the other side offers it; an httpd that is restarted
# gracefully is no error of the requests that are under way.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Crowd;
use Followed;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More;
use Testbed;
use Time::HiRes qw(sleep time);

my $bed = Testbed->new;
my $modules = $bed->slurp($bed->env('PROVIDER_HTTPD_CONF')) =~ m{^LoadModule mpm_event_module "?(\S+)/}m ? $1 : '';
plan skip_all => 'httpd has no mod_http2' if !-e "$modules/mod_http2.so";

# Two more ports of the provider. As an original, it does not say that it can be asked about many.
my %port = map { $_ => IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) } qw(h2 h1);
$_ = $_->sockport for values %port;
my ($host) = $bed->slurp($bed->env('PROVIDER_HTTPD_CONF'))
    =~ m{(<VirtualHost [^>]*>\s*ServerName localhost\s*SSLEngine on.*?</VirtualHost>)}s;
my $log = $bed->dir . '/log/requests.log';
my $lines = "LoadModule http2_module $modules/mod_http2.so\nLogFormat \"%{local}p %H %{remote}p %>s %U\" requests\n";
for my $name (sort keys %port) {
    (my $section = $host) =~ s/127\.0\.0\.1:\d+/127.0.0.1:$port{$name}/;
    my $protocols = $name eq 'h2' ? 'h2 http/1.1' : 'http/1.1';
    $section =~ s{(?=</VirtualHost>)}{CustomLog $log requests
Protocols $protocols
<LocationMatch "^/apps/sync/provider/?\$">
    SetHandler default-handler
</LocationMatch>
};
    $lines .= "Listen 127.0.0.1:$port{$name}\n$section\n";
}
$bed->add_directives('provider', $lines);
$bed->restart_httpd('provider');
my %url = map { $_ => "https://127.0.0.1:$port{$_}" } keys %port;
add_provider($bed, $_, $bed->env('CLIENT_KEY')) for values %url;
$bed->set_option('consumer', 'poll_interval', 1000);
$bed->set_option('consumer', 'parallel_per_provider', 8);

# ($name): what is logged of a port since the last call: references to [protocol, client's port, status, path].
my $seen = 0;
sub logged {
    my ($name) = @_;
    my @lines = split /\n/, $bed->slurp($log);
    my @new = map { [split / /] } splice @lines, $seen;
    $seen += @new;
    return map { [@$_[1 .. 4]] } grep { $_->[0] == $port{$name} } @new;
}

sub distinct { my %found = map { $_ => 1 } @_; return sort keys %found }

# What the provider says of each: it is under way.
my $count = 300;
my $all = "FROM seq_1_to_$count";
$bed->sql('provider', "INSERT INTO $_") for
    "experiment (id, title, description, institution, file_count, byte_count, created_at, updated_at)
        SELECT seq, 'An experiment', '', 'tardis', 2, 9, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) $all",
    "experiment_source (experiment_id, directory) SELECT seq, CONCAT('/data/', seq) $all",
    "transfer (experiment_id, site_url, site_name, dest_path, state, files_total, bytes_total, requested_at, updated_at)
        SELECT seq, '" . $bed->env('SITE_SETTINGS_URL') . "', '" . $bed->env('SITE_NAME') . "', seq, 'Sending', 2, 9,
        UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) $all";
crowd($bed, $count, 'tardis', $_) for values %url;
sub due {
    my ($name) = @_;
    $bed->sql('consumer', "UPDATE synced_experiment SET state = 'InProgress',
        next_attempt_at = IF(provider_url = ?, UTC_TIMESTAMP(6), NULL)", $url{$name});
    return;
}

for my $name (qw(h2 h1)) {
    due($name);
    my ($status, $out, $err) = tick($bed);
    is($status, 0, "$name: a tick") or diag $err;
    my @requests = grep { $_->[3] =~ m{/status/} } logged($name);
    is(@requests, $count, 'asks about each');
    is_deeply([distinct(map { $_->[0] } @requests)], [$name eq 'h2' ? 'HTTP/2.0' : 'HTTP/1.1'], 'in the best there is');
    my @connections = distinct(map { $_->[1] } @requests);
    cmp_ok(scalar @connections, '<=', 8, 'over few connections') or diag "@connections";
}

for my $name (qw(h2 h1)) {
    my ($ticks, $restarts) = (0, 0);
    my ($end, $next) = (time + 5, time + 0.3);
    while (time < $end) {
        due($name);
        my $pid = $bed->start('tardis-consumer', 'tick', '--quiet');
        $ticks++;
        until (waitpid($pid, WNOHANG) == $pid) {
            sleep 0.01;
            next if time < $next;
            kill 'USR1', $bed->httpd_pid('provider');
            $restarts++;
            $next = time + 0.5;
        }
        is($?, 0, 'a tick succeeds') if $?;
    }
    cmp_ok($restarts, '>=', 3, "$name: httpd was restarted $restarts times, while $ticks ticks asked");
    my @answers = grep { $_->[3] =~ m{/status/} } logged($name);
    cmp_ok(scalar @answers, '>=', $count, 'many requests');
    is_deeply([distinct(map { $_->[2] } @answers)], [200], 'all that reached it were answered');
    is(join("\n", map { "@$_" } $bed->sql('consumer', "SELECT COUNT(*), code, LEFT(text, 200) FROM synced_event
        WHERE kind = 'error' GROUP BY 2, 3")), '', 'no experiment has met an error');
    $bed->sql('consumer', 'DELETE FROM synced_event');
    is(how_many($bed, 'attempts > 0 OR error_code IS NOT NULL'), 0, 'none has to be tried again');
}

done_testing;
