#!/usr/bin/perl
# What why tells of each kind of failure and of each state is what an administrator should read: the whole
# page is compared with a reviewed text. TARDIS_GOLDEN=write writes the texts anew, to be read before a commit.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use JSON::PP;
use Test::More;
use Testbed;

my $golden = "$FindBin::RealBin/../data/why";
my $bed = Testbed->new;
my $followed = 0;
my %answers = (
    html => {status => 200, body => "<html>\n<h1>Maintenance</h1>\n</html>"},
    broken => {status => 200, body => '{"status": 2, "mess'},
    large => {status => 200, body => '{', stream => 100_000},
    redirect => {status => 302, headers => {Location => 'https://elsewhere.example/sync'}},
    forbidden => {status => 403},
    missing => {status => 404, body => 'no such experiment [not_found]'},
    https => {status => 404, body => 'Use HTTPS'},
    bad => {status => 400, body => "site_settings_url is not registered [site_unknown]\n"},
    error => {status => 500, body => 'boom', headers => {'Retry-After' => 60}},
    fine => {status => 200, body => 'OK'},
    failed => answer(status => 3, message => 'raw/a.dat: Input/output error', code => 'io_error'),
    sealed => answer(status => 3, message => 'PUT of raw/a.dat: answered with HTTP status 403',
        code => 'destination_refused'),
    stopped => answer(status => 3, message => 'the beamline is being rebuilt', code => 'transfer_cancelled'),
    full => answer(status => 3, message => 'raw/a.dat: No space left on device', code => 'destination_full'),
    four => answer(status => 4, error => 'invalid UID'),
    five => answer(status => 5, message => 'the transfer database is away'),
    stuck => answer(status => 2, message => 'PUT of raw/a.dat: answered with HTTP status 507',
        code => 'destination_full'),
    puzzled => answer(status => 2, message => 'waiting for the tape robot'),
    moving => answer(status => 2, progress => '1204 of 1210 files, 3.2 of 3.3 GB'),
);
my $fake = FakeServer->new(handler => sub {
    my ($request) = @_;
    my $where = $request->{method} eq 'POST' ? $request->{body} : $request->{path};
    return $answers{$where =~ m{(?:uid=|/status/)([a-z]+)\.} ? $1 : ''};
});
add_provider($bed, $fake->url, KEY);
# All ids have the same width, and so have all lines.
$bed->sql('consumer', 'ALTER TABLE experiment AUTO_INCREMENT = 101');
my %files = ('raw/a.dat' => 'alpha', 'raw/b.dat' => 'beta', 'raw/c.dat' => 'gamma');
put_files($bed, 'someone-else', {'file' => 'so that the store is not empty'});
my $conf = $bed->dir . '/conf/why.conf';
my @way = (
    [Ingested => 'registered'],
    [Requested => 'the provider has accepted the request for the files'],
    [InProgress => 'the transfer has begun'],
    [CheckingIntegrity => 'the provider says that every file was sent'],
    [Complete => 'every file is as promised'],
);

# ($uid, $state, %more): an experiment that has come to this state as the tick would have brought it there.
sub come_to {
    my ($what, $state, %more) = @_;
    my $id = follow($bed, provider => $fake->url, uid => "$what." . (500 + ++$followed), state => $state,
        files => \%files, title => 'Lysozyme at 100 K', %more);
    my $from;
    for my $step (@way) {
        event($id, defined $from ? 'transition' : 'registration', $from, $step->[0], undef, $step->[1]);
        last if $step->[0] eq $state;
        $from = $step->[0];
    }
    return $id;
}

sub event {
    my ($id, @values) = @_;
    $bed->sql('consumer', 'INSERT INTO synced_event
        (experiment_id, at, host, kind, from_state, to_state, code, text)
        VALUES (?, UTC_TIMESTAMP(6), \'tick.uni.example\', ?, ?, ?, ?, ?)', $id, @values);
}

# ($id, $n): so many ticks for it.
sub step {
    my ($id, $n) = @_;
    tick($bed, '--only', $id) for 1 .. $n // 1;
    return $id;
}

# ($id, $n, $code, $text): as if so many ticks had met an error whose text is not the same everywhere.
sub met {
    my ($id, $n, $code, $text) = @_;
    event($id, 'error', undef, undef, $code, $text) for 1 .. $n;
    $bed->sql('consumer', 'UPDATE synced_experiment SET attempts = ?, error_code = ?, error_text = ?
        WHERE experiment_id = ?', $n, $code, $text, $id);
    return $id;
}

# ($id, $column, $expression): changes its row.
sub set_to {
    my ($id, $column, $expression) = @_;
    $bed->sql('consumer', "UPDATE synced_experiment SET $column = $expression WHERE experiment_id = ?", $id);
    return $id;
}

# ($id, $values): there is mail about it; the values are those that tell what became of it.
sub mailed {
    my ($id, $values) = @_;
    $bed->sql('consumer', "INSERT INTO notification
        (experiment_id, recipient, subject, body, created_at, sent_at, next_attempt_at, attempts, error_code,
        error_text)
        VALUES (?, 'ada\@uni.example', 's', 'b', UTC_TIMESTAMP(6) - INTERVAL 200 MINUTE, $values)", $id);
}

# ($id): all of it was three and a half hours ago, and what is pending is due in twelve minutes and a half.
sub age {
    my ($id) = @_;
    my $ago = '- INTERVAL 210 MINUTE';
    $bed->sql('consumer', "UPDATE synced_experiment
        SET state_since = state_since $ago, moved_at = moved_at $ago,
        next_attempt_at = IF(next_attempt_at IS NULL, NULL, UTC_TIMESTAMP(6) + INTERVAL 750 SECOND)
        WHERE experiment_id = ?", $id);
    $bed->sql('consumer', "UPDATE synced_event SET at = at $ago WHERE experiment_id = ?", $id);
    return $id;
}

# ($id, @options): the command's answer. Addresses and paths that differ from run to run are made the same in
# the database.
sub why {
    my ($id, @options) = @_;
    my @same = ($fake->url, 'https://provider.example', $fake->url =~ s{^http://}{}r, 'provider.example',
        $bed->env('CONSUMER_STORE'), '/srv/store');
    my $replaced = 'REPLACE(REPLACE(REPLACE(%s, ?, ?), ?, ?), ?, ?)';
    my $row = sprintf "provider_url = $replaced, error_text = $replaced", 'provider_url', 'error_text';
    $bed->sql('consumer', "UPDATE synced_experiment SET $row WHERE experiment_id = ?", @same, @same, $id);
    my $text = sprintf $replaced, 'text';
    $bed->sql('consumer', "UPDATE synced_event SET text = $text WHERE experiment_id = ?", @same, $id);
    my $options = $bed->slurp($bed->env('CONSUMER_CONF')) =~ s/^(?:store|ca_file)\s*=.*\n//mgr;
    $bed->rewrite($conf, "store = \"/srv/store\"\nca_file = \"/etc/tardis/ca.pem\"\n$options");
    return $bed->run('tardis-consumer', '--config', $conf, 'why', $id, @options);
}

# ($name, $id): the page is as it was reviewed.
sub reads {
    my ($name, $id) = @_;
    my ($status, $out, $err) = why($id);
    is($status, 0, "$name: works") or diag $err;
    is($err, '', "$name: nothing to complain of");
    my @long = grep { length($_) > 80 && !/^    (?:here|at the provider):/ } split /\n/, $out;
    is_deeply(\@long, [], "$name: no line is longer than 80 columns");
    $out =~ s/\b$id\b|\b(?<=[a-z]\.)5\d\d\b/NNN/g;
    $out =~ s/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/YYYY-MM-DDThh:mm:ssZ/g;
    $out =~ s/^(    here: +tardis-consumer) --config \Q$conf\E /$1 /mg;
    my $file = "$golden/$name.golden";
    $bed->rewrite($file, $out) if ($ENV{TARDIS_GOLDEN} // '') eq 'write';
    is($out, -e $file ? $bed->slurp($file) : "(no $file)", "$name: the page is as it was reviewed");
    settle($bed);
}

subtest 'nothing is wrong' => sub {
    my $new = come_to('fine', 'Ingested');
    reads('ingested', set_to($new, 'state_since', 'state_since - INTERVAL 150 SECOND'));
    reads('requested', age(come_to('fine', 'Requested')));
    reads('in-progress', age(step(come_to('moving', 'InProgress'))));
    my $moved = age(step(come_to('moving', 'InProgress')));
    reads('in-progress-moving', set_to($moved, 'moved_at', 'UTC_TIMESTAMP(6)'));
    reads('in-progress-full', age(step(come_to('stuck', 'InProgress'))));
    reads('in-progress-message', age(step(come_to('puzzled', 'InProgress'))));
    my $recovered = met(come_to('moving', 'InProgress'), 3, 'provider_error',
        'https://provider.example answers 503');
    step($recovered);
    reads('recovered', set_to(age($recovered), 'moved_at', 'UTC_TIMESTAMP(6)'));
    my $checking = age(come_to('fine', 'CheckingIntegrity'));
    set_to($checking, 'checked_through', 2);
    reads('checking', $checking);
    set_to($checking, 'lease_until', 'UTC_TIMESTAMP(6) + INTERVAL 100 SECOND');
    set_to($checking, 'next_attempt_at', 'lease_until');
    reads('checking-now', set_to($checking, 'lease_owner', "'tick.uni.example:4711:1700000000:1'"));
    my $complete = come_to('fine', 'CheckingIntegrity',
        files => {%files, 'raw/none' => {content => 'x', digest => undef}});
    put_files($bed, $complete, {%files, 'raw/none' => 'x'});
    step($complete);
    mailed($complete, q{UTC_TIMESTAMP(6), NULL, 0, NULL, NULL});
    reads('complete', age($complete));
};

subtest 'the provider cannot be asked' => sub {
    my $get = 'https://provider.example/apps/sync/provider/get/';
    reads('provider-unreachable', age(met(come_to('down', 'Ingested'), 5, 'provider_unreachable',
        "$get: Failed to connect to provider.example port 443 after 3 ms: Connection refused")));
    reads('provider-unreachable-once', age(met(come_to('down', 'Ingested'), 1, 'provider_unreachable',
        "$get: Failed to connect to provider.example port 443 after 3 ms: Connection refused")));
    reads('provider-timeout', age(met(come_to('slow', 'Requested'), 12, 'provider_timeout',
        'https://provider.example/apps/sync/provider/status/slow.501/: no answer within 300 s')));
    reads('tls-failed', age(met(come_to('tls', 'Ingested'), 4, 'tls_failed',
        "$get: SSL certificate problem: unable to get local issuer certificate")));
    my $other = come_to('nobody', 'Ingested', provider => 'https://other.example');
    reads('provider-unknown', age(step($other, 2)));
    for my $times (1, 6) {
        my $alone = met(come_to('down', $times == 1 ? 'Ingested' : 'InProgress'), 1, 'provider_unreachable',
            'not asked, as the provider has failed since 2026-11-24T00:00:00Z; left alone until 2026-11-24T00:01:00Z;'
            . " last: $get: Connection refused");
        set_to($alone, 'attempts', $times);
        $bed->sql('consumer', "INSERT INTO provider_health (provider_url, failures, failing_since, times_left, left_at,
            left_until, error_code, error_text, updated_at) VALUES ('https://provider.example', 11,
            UTC_TIMESTAMP(6) - INTERVAL ? SECOND, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 745 SECOND,
            'provider_unreachable', ?, UTC_TIMESTAMP(6))", $times * 1500, $times, "$get: Connection refused");
        reads($times == 1 ? "provider-left" : "provider-left-long", age($alone));
    }
    my $keyless = come_to('keyless', 'Ingested', provider => 'https://keyless.example');
    $bed->rewrite($bed->env('CONSUMER_CONF'), $bed->slurp($bed->env('CONSUMER_CONF'))
        . "provider \"https://keyless.example\" {\n  key_file = \"/srv/no-such-key\"\n}\n");
    reads('provider-without-key', age(step($keyless, 2)));
    reads('key-refused', age(step(come_to('forbidden', 'Ingested'), 3)));
    reads('key-refused-once', age(step(come_to('forbidden', 'Ingested'))));
    reads('https-required', age(step(come_to('https', 'Ingested'), 3)));
};

subtest 'the provider answers nonsense' => sub {
    reads('answer-html', age(step(come_to('html', 'Ingested'), 4)));
    reads('answer-broken', age(step(come_to('broken', 'InProgress'), 3)));
    reads('answer-too-large', age(step(come_to('large', 'Requested'), 3)));
    reads('redirect-twice', age(step(come_to('redirect', 'InProgress'), 2)));
    reads('redirect', age(step(come_to('redirect', 'Ingested'), 3)));
};

subtest 'the provider says no' => sub {
    reads('uid-unknown', age(step(come_to('missing', 'Ingested'), 3)));
    reads('provider-error', age(step(come_to('error', 'Ingested'))));
    reads('provider-error-lasting', age(step(come_to('error', 'Ingested'), 6)));
    reads('request-refused', age(step(come_to('bad', 'Ingested'), 3)));
};

subtest 'the transfer fails' => sub {
    my $failed = step(come_to('failed', 'InProgress'));
    mailed($failed, q{NULL, UTC_TIMESTAMP(6), 3, 'host_unreachable',
        'smtp://localhost:25: Connection refused'});
    reads('transfer-failed', age($failed));
    reads('transfer-failed-store-full', age(step(come_to('full', 'InProgress'))));
    reads('transfer-failed-store-read-only', age(step(come_to('sealed', 'InProgress'))));
    reads('transfer-cancelled', age(step(come_to('stopped', 'InProgress'))));
    for my $what (qw(four five)) {
        my $id = step(come_to($what, 'InProgress'), 3);
        reads("status-$what", age($id));
        set_to($id, 'next_attempt_at', 'UTC_TIMESTAMP(6)');
        set_to($id, 'moved_at', 'moved_at - INTERVAL 8 DAY');
        reads("status-$what-late", age($id));
        set_to($id, 'next_attempt_at', 'UTC_TIMESTAMP(6)');
        set_to($id, 'provider_url', "'" . $fake->url . "'");
        reads("status-$what-given-up", age(step($id)));
    }
    my $stalled = step(come_to('moving', 'InProgress'));
    set_to($stalled, 'moved_at', 'moved_at - INTERVAL 8 DAY');
    reads('deadline', age(step($stalled)));
};

subtest 'the files are not as promised' => sub {
    my %wrong = (
        'file-missing' => {'raw/a.dat' => 'alpha', 'raw/b.dat' => 'beta'},
        'size-mismatch' => {%files, 'raw/a.dat' => 'alp'},
        'digest-mismatch' => {%files, 'raw/a.dat' => 'alphA'},
        'several-problems' => {'raw/b.dat' => 'BETA', 'raw/c.dat' => 'gam'},
    );
    for my $name (sort keys %wrong) {
        my $id = come_to('fine', 'CheckingIntegrity');
        put_files($bed, $id, $wrong{$name});
        reads($name, age(step($id)));
    }
    my $odd = come_to('fine', 'CheckingIntegrity');
    my %others = (%files, 'raw/b.dat/inside' => 'x');
    delete $others{'raw/b.dat'};
    put_files($bed, $odd, \%others);
    reads('file-not-regular', age(step($odd)));
    my $many = come_to('fine', 'CheckingIntegrity', files => {map { ("raw/$_.dat" => $_) } 1 .. 9});
    put_files($bed, $many, {'raw/9.dat' => '9'});
    reads('many-problems', age(step($many)));
    my $again = come_to('fine', 'CheckingIntegrity');
    put_files($bed, $again, {%files, 'raw/a.dat' => 'alphA'});
    step($again);
    is(($bed->run('tardis-consumer', 'retry', $again))[0], 0, 'it is started again');
    event($again, 'transition', $way[$_ - 1][0], $way[$_][0], undef, $way[$_][1]) for 1 .. 3;
    set_to($again, 'state', "'CheckingIntegrity'");
    $bed->sql('consumer', "UPDATE synced_event SET text = 'ada started it again'
        WHERE experiment_id = ? AND kind = 'manual'", $again);
    reads('failed-again', age(step($again)));
    my $partial = come_to('fine', 'CheckingIntegrity');
    put_files($bed, $partial, {%files, 'raw/a.dat' => 'alphA'});
    set_to($partial, 'status_document', q{'{"status": 1, "sending": 7}'});
    reads('partial-failed', age(step($partial)));
    is(($bed->run('tardis-consumer', 'retry', $partial))[0], 0, 'it is started again');
    $bed->sql('consumer', "UPDATE synced_event SET text = REGEXP_REPLACE(text, '^[^ ]*', 'ada')
        WHERE experiment_id = ? AND kind = 'manual'", $partial);
    $bed->sql('consumer', 'UPDATE partial_retry SET agreed = TRUE');
    event($partial, 'transition', 'Ingested', 'Requested', undef,
        'the provider sends 1 of 3 files again; the others stay proven');
    set_to($partial, 'state', "'Requested'");
    reads('partial-requested', age($partial));
    reads('manifest-empty', age(step(come_to('fine', 'CheckingIntegrity', files => {}))));
    my $away = come_to('fine', 'CheckingIntegrity');
    rename $bed->env('CONSUMER_STORE'), $bed->env('CONSUMER_STORE') . '.away' or die "rename: $!\n";
    step($away, 2);
    rename $bed->env('CONSUMER_STORE') . '.away', $bed->env('CONSUMER_STORE') or die "rename: $!\n";
    reads('store-unavailable', age($away));
};

subtest 'what this host itself gets wrong' => sub {
    my $late = age(come_to('fine', 'Requested'));
    reads('no-tick', set_to($late, 'next_attempt_at', 'UTC_TIMESTAMP(6) - INTERVAL 150 MINUTE'));
    my $strange = come_to('fine', 'Ingested');
    set_to($strange, 'state', "'Transcendent'");
    reads('unknown-state', age(step($strange)));
    my $nameless = come_to('fine', 'InProgress');
    set_to($nameless, 'uid', "'fine 500/x'");
    reads('row-invalid', age(step($nameless)));
    my $idle = age(come_to('fine', 'Requested'));
    reads('no-next-attempt', set_to($idle, 'next_attempt_at', 'NULL'));
};

subtest 'a person has stepped in' => sub {
    my $do = sub {
        my ($command, @arguments) = @_;
        my ($status, $out, $err) = $bed->run('tardis-consumer', $command, @arguments);
        is($status, 0, "$command works") or diag $err;
    };
    my $held = come_to('fine', 'Requested');
    $do->('hold', $held, '--reason', 'the store is being moved');
    $bed->sql('consumer', "UPDATE experiment_hold SET held_by = 'ada'");
    reads('held', age($held));
    $do->('release', $held);
    my $all = come_to('fine', 'Requested');
    $do->('hold', '--provider', $fake->url, '--reason', 'they move house');
    $bed->sql('consumer', "UPDATE provider_hold
        SET held_by = 'ada', provider_url = 'https://provider.example'");
    reads('provider-held', age($all));
    $bed->sql('consumer', 'DELETE FROM provider_hold');
    my $over = come_to('fine', 'Requested');
    $do->('cancel', $over, '--reason', 'nobody wants it');
    my $me = getpwuid $>;
    $bed->sql('consumer', 'UPDATE synced_event SET text = REPLACE(text, ?, \'ada\') WHERE experiment_id = ?',
        $me, $over);
    reads('cancelled', age($over));
};

subtest 'as JSON, and from others' => sub {
    my $id = age(step(come_to('failed', 'InProgress')));
    my ($status, $out, $err) = why($id, '--json');
    is($status, 0, 'works') or diag $err;
    my $json = decode_json($out);
    is($json->{state}, 'FailPermanent', 'the state');
    cmp_ok($json->{seconds_in_state}, '>=', 210 * 60, 'for how long');
    is_deeply([map { $_->{state} } @{$json->{way}}], [qw(Ingested Requested InProgress FailPermanent)],
        'how it came there');
    is_deeply([map { [@$_{qw(code fault count)}] } @{$json->{failures}}],
        [['transfer_failed', 'provider', 1]], 'what failed');
    is($json->{turn}, 'provider', 'whose turn it is');
    is($json->{deadline}, undef, 'no deadline');
    is_deeply($json->{commands}, [
        {at => 'provider', command => 'tardis-provider show failed.' . (500 + $followed)},
        {at => 'consumer', command => "tardis-consumer --config $conf retry $id"}], 'what to run');
    my $rude = come_to('fine', 'Ingested', title => "R\x{c3}\x{b6}ntgen \x{1b}[2J");
    ($status, $out) = why($rude);
    like($out, qr/^Experiment $rude: R\x{c3}\x{b6}ntgen \?\[2J\n/, 'a title cannot steer the terminal');
    ($status) = why('tardis.nobody');
    is($status, 66, 'an experiment that there is not');
};

done_testing;
