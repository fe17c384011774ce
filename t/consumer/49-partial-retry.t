#!/usr/bin/perl
# An experiment that failed for some of its files is started again for these only; but nothing counts as proven that may
# have been sent since, whatever the provider answers and whenever a tick is killed.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use FakeServer;
use Followed;
use Test::More;
use Testbed;
use Testbed::Servers;
use Views ();

my $bed = Testbed->new;
$bed->set_option('consumer', 'total_timeout', 3);
my %files = map { ("d/f$_ +&=\xc3\xa4" => "content $_") } 1 .. 5;
my @paths = sort keys %files;
my @bad = @paths[1, 3];

sub grant { my %headers = @_; return {status => 200, headers => \%headers, body => 'OK'} }
sub document { return {status => 200, body => "{\"protocol\": 1, $_[0]}"} }
sub told { return answer(status => 1, progress => '', @_) }
my $some = grant('X-Tardis-Files' => 2, 'X-Tardis-Sending' => 8);
my $able = document('"get_files": 900');
my $away = {status => 503, headers => {'Retry-After' => 1}, body => 'later'};
my $original = {status => 404, body => 'Not Found'};
my $broken = {close => 1};

# What the provider below /NAME answers to the question what it can do, to get/ (one after the other, the last for
# ever) and to status/; and what becomes of it. `some`: only the files with problems are asked for and checked; `all`:
# all are checked, whatever was asked for.
my %cases = (
    agreed => {},
    many => {index => document('"batch_status": 9, "get_files": 2')},
    again => {get => [$broken, $some]},
    later => {get => [$away, $away, $some]},
    down => {index => [$away, $able]},
    gone => {index => [$broken, $able]},
    original => {index => $original, get => [grant()], asks => 'all', becomes => 'all'},
    garbage => {index => {status => 200, body => '<html>'}, get => [grant()], asks => 'all', becomes => 'all'},
    unable => {index => document('"batch_status": 1000'), get => [grant()], asks => 'all', becomes => 'all'},
    text => {index => document('"get_files": "900"'), get => [grant()], asks => 'all', becomes => 'all'},
    toofew => {index => document('"get_files": 1'), get => [grant()], asks => 'all', becomes => 'all'},
    refused => {get => [{status => 400, body => 'no such file'}, grant()], asks => 'some, all', becomes => 'all'},
    large => {get => [{status => 413, body => 'too large'}, grant()], asks => 'some, all', becomes => 'all'},
    silent => {get => [grant()], becomes => 'all'},
    (map { ("header$_->[0]" => {get => [grant('X-Tardis-Files' => $_->[1], 'X-Tardis-Sending' => $_->[2])],
        becomes => 'all'}) } [a => 1, 8], [b => 3, 8], [c => 5, 8], [d => '2x', 8], [e => -2, 8], [f => '', 8],
        [g => 2, ''], [h => 2, 0], [i => 2, 6], [j => 2, '8 8'], [k => 2, '1' x 19], [l => 0, 8], [m => '2, 2', 8]),
    half => {get => [grant('X-Tardis-Files' => 2)], becomes => 'all'},
    other => {told => told(sending => 9), becomes => 'all'},
    before => {told => told(sending => 7), becomes => 'all'},
    none => {told => told(), becomes => 'all'},
    null => {told => told(sending => undef), becomes => 'all'},
    repeated => {get => [grant('X-Tardis-Files' => 2, 'X-Tardis-Sending' => 7)], told => told(sending => 7)},
);

my %asked;
my $fake = FakeServer->new(handler => sub {
    my ($name, $view) = $_[0]{path} =~ m{^/(\w+)/apps/sync/provider/(\w*)} or return {status => 404};
    my $case = $cases{$name};
    my $kind = $view eq '' ? 'index' : $view;
    my $answers = {index => $case->{index} // $able, get => $case->{get} // [$some],
        status => $case->{told} // told(sending => 8)}->{$kind};
    $answers = [$answers] if ref $answers ne 'ARRAY';
    my $n = $asked{$name}{$kind}++;
    return $answers->[$n < @$answers ? $n : -1];
});
add_provider($bed, $fake->url . "/$_", KEY) for keys %cases;

# ($name, %more): an experiment that was checked and has two files with problems.
sub failed {
    my ($name, %more) = @_;
    my $id = follow($bed, provider => $fake->url . "/$name", files => \%files, state => 'FailPermanent');
    my $sending = exists $more{sending} ? $more{sending} : 7;
    my $status = defined $sending ? "'{\"status\": 1, \"sending\": $sending}'" : "'{\"status\": 1}'";
    change($bed, $id, "next_attempt_at = NULL, error_code = 'digest_mismatch', status_document = $status,
        checked_through = @{[$more{checked} // 5]}, bytes_checked = 45");
    put_files($bed, $id, \%files);
    $bed->sql('consumer', 'INSERT INTO file_problem (experiment_id, file_number, code, text, found_at)
        VALUES (?, ?, "digest_mismatch", "wrong", UTC_TIMESTAMP(6))', $id, $_) for @{$more{problems} // [2, 4]};
    return $id;
}

sub problems {
    return join ' ', map { $_->[0] } $bed->sql('consumer',
        'SELECT file_number FROM file_problem WHERE experiment_id = ? ORDER BY 1', $_[0]);
}

sub kept { return scalar $bed->sql('consumer', 'SELECT CONCAT(sending, " ", agreed, " ", files) FROM partial_retry
    WHERE experiment_id = ?', $_[0]) }

# ($name): the forms that this provider was sent by get/, each as [sending, @files].
sub gets {
    my ($name) = @_;
    my @forms;
    for my $request (grep { $_->{path} eq "/$name/apps/sync/provider/get/" } $fake->requests) {
        my @fields = map { [map { s/\+/ /g; s/%([0-9A-Fa-f]{2})/chr hex $1/ger } split /=/, $_, 2] }
            split /&/, $request->{body};
        push @forms, [(map { $_->[1] } grep { $_->[0] eq 'sending' } @fields),
            map { $_->[1] } grep { $_->[0] eq 'file' } @fields];
    }
    return \@forms;
}

# A file that was proven and is spoiled since: who looks at it, finds that out.
sub spoil { put_files($bed, $_[0], {$paths[0] => 'CONTENT 1'}) }

my %id = map { $_ => failed($_) } sort keys %cases;
spoil($id{$_}) for keys %id;
my ($status, $out) = $bed->run('tardis-consumer', 'retry', '--all-failed', '--dry-run');
is(scalar(() = $out =~ /; the next tick would ask for 2 of its 5 files$/mg), keys %id, 'retry --all-failed --dry-run');
($status, $out) = $bed->run('tardis-consumer', 'retry', '--all-failed');
is(scalar(() = $out =~ /; the next tick asks for 2 of its 5 files$/mg), keys %id, 'retry --all-failed');
my %kept = map { join(', ', row($bed, $_, qw(state checked_through bytes_checked)), problems($_), kept($_)) => 1 }
    values %id;
is_deeply([keys %kept], ['Ingested, 5, 45, 2 4, 7 0 2'], 'keeps what is proven, and what is wanted');
for (1 .. 12) {
    last if !$bed->sql('consumer', "SELECT COUNT(*) FROM synced_experiment WHERE next_attempt_at IS NOT NULL");
    tick($bed, '--now');
}
for my $name (sort keys %cases) {
    my $case = $cases{$name};
    my $becomes = $case->{becomes} // 'some';
    subtest "a provider that is $name: $becomes" => sub {
        my %expected = (some => [7, @bad], all => []);
        my @asks = map { $expected{$_} } split /, /, $case->{asks} // 'some';
        unshift @asks, ($asks[0]) x (@{$case->{get} // [1]} - 1) if @asks == 1;
        is_deeply(gets($name), \@asks, 'what is asked for');
        my $state = join ', ', row($bed, $id{$name}, 'state'), problems($id{$name});
        is($state, $becomes eq 'some' ? 'Complete, ' : 'FailPermanent, 1', 'what is checked');
        is_deeply([row($bed, $id{$name}, qw(checked_through bytes_checked))], [5, 45], 'all is in the end');
    };
}

subtest 'what retry, show and why tell' => sub {
    my $id = failed('agreed');
    my ($status, $out) = $bed->run('tardis-consumer', 'retry', $id, '--dry-run');
    like($out, qr/ \[digest_mismatch\]; the next tick would ask for 2 of its 5 files$/m, 'retry --dry-run');
    sub pages { return join ' ', map { s/\s+/ /gr } map { ($bed->run('tardis-consumer', $_, $_[0]))[1] } qw(show why) }
    like(pages($id), qr/again a retry asks for 2 of 5 files again; .* asked for 2 of 5 files once more; the others/,
        'before');
    ($status, $out) = $bed->run('tardis-consumer', 'retry', $id);
    like($out, qr/ is Ingested again; the next tick asks for 2 of its 5 files$/m, 'retry');
    like(pages($id), qr/; 2 of 5 files are asked for again .*\. 2 of 5 files are asked for again; the others/, 'then');
    tick_until($bed, $id, 'Requested');
    like(pages($id), qr/ 2 of 5 files are sent and checked again; .* sends 2 of 5 files again; the others stay/, 'asked');
    tick_until($bed, $id, 'Complete');
    like(pages($id), qr/ 2 of 5 files were sent and checked again /, 'done');
    is(scalar $bed->sql('consumer', 'SELECT COUNT(*) FROM synced_event WHERE experiment_id = ? AND text LIKE ?', $id,
        '2 of 5 files were checked again, the others before'), 1, 'and the history');
    ($status, $out) = $bed->run('tardis-consumer', 'show', '--json', $id);
    like($out, qr/"partial": \{\s*"files": 2,\s*"agreed": true\s*\}/, 'as JSON too');
};

for my $case (['a check that did not come to its end', checked => 4], ['no problems', problems => []],
    ['a provider that numbers nothing', sending => undef], ['a number that is none', sending => 0],
    ['a status that cannot be read', sending => '"x"']) {
    my ($name, %more) = @$case;
    subtest "all is asked for after $name" => sub {
        my $id = failed('original', %more);
        unlike(($bed->run('tardis-consumer', 'retry', $id, '--dry-run'))[1], qr/would ask/, 'retry --dry-run');
        $bed->run('tardis-consumer', 'retry', $id);
        is_deeply([row($bed, $id, qw(state checked_through bytes_checked))], ['Ingested', 0, 0], 'nothing is proven');
        is(problems($id) . (kept($id) // ''), '', 'nothing else is kept');
    };
}

subtest 'too many' => sub {
    my $id = failed('agreed');
    $bed->sql('consumer', 'INSERT INTO file_problem (experiment_id, file_number, code, text, found_at)
        SELECT ?, 100 + seq, "size_mismatch", "wrong", UTC_TIMESTAMP(6) FROM seq_1_to_899', $id);
    $bed->run('tardis-consumer', 'retry', $id);
    is(row($bed, $id, 'checked_through') . problems($id), 0, 'all is asked for');
};

subtest 'very long paths' => sub {
    my $id = follow($bed, provider => $fake->url . '/silent', state => 'FailPermanent',
        files => {map { join('/', ('&' x 250) x 4, $_) => 'x' } 1 .. 400});
    change($bed, $id, "next_attempt_at = NULL, status_document = '{\"status\": 1, \"sending\": 7}', checked_through = 400");
    $bed->sql('consumer', 'INSERT INTO file_problem (experiment_id, file_number, code, text, found_at)
        SELECT ?, seq, "size_mismatch", "wrong", UTC_TIMESTAMP(6) FROM seq_1_to_400', $id);
    $bed->run('tardis-consumer', 'retry', $id);
    is(kept($id), '7 0 400', 'not too many');
    tick_until($bed, $id, 'Requested');
    is_deeply(gets('silent')->[-1], [], 'but too much for a form: all is asked for');
    settle($bed);
};

subtest 'a transfer that fails after it was agreed' => sub {
    my $id = failed('agreed');
    $bed->run('tardis-consumer', 'retry', $id);
    tick_until($bed, $id, 'Requested');
    change($bed, $id, "state = 'FailPermanent', next_attempt_at = NULL, error_code = 'transfer_failed',
        status_document = '{\"status\": 3, \"sending\": 8}'");
    $bed->run('tardis-consumer', 'retry', $id);
    is(kept($id) . ', ' . row($bed, $id, 'state'), '8 0 2, Ingested', 'the same files are asked for after that sending');
    tick_until($bed, $id, 'Requested');
    is_deeply(gets('agreed')->[-1], [8, @bad], 'once more');
    change($bed, $id, "state = 'FailPermanent', next_attempt_at = NULL,
        status_document = '{\"status\": 1, \"sending\": 9}'");
    $bed->run('tardis-consumer', 'retry', $id);
    is(row($bed, $id, 'checked_through'), 0, 'unless it tells of another one');
};

subtest 'problems that stay' => sub {
    my $id = failed('agreed');
    put_files($bed, $id, {$bad[1] => 'CONTENT 4'});
    $bed->run('tardis-consumer', 'retry', $id);
    tick_until($bed, $id, 'Complete');
    is(join(' ', row($bed, $id, qw(state error_code)), problems($id)), 'FailPermanent digest_mismatch 4',
        'are told of');
    like(row($bed, $id, 'error_text'), qr/^1 of 5 files is not as promised: .* SHA-512 is/, 'as they are now');
    $bed->run('tardis-consumer', 'retry', $id);
    is(kept($id), '8 0 1', 'and asked for after the sending that they were checked after');
    settle($bed);
};

# ($id, $name, $change): as if the tick had been killed at some moment, and another one came.
sub killed {
    my ($name, $reach, $change, $expected) = @_;
    subtest "killed $name" => sub {
        my $id = failed('agreed');
        spoil($id);
        $bed->run('tardis-consumer', 'retry', $id);
        tick_until($bed, $id, $reach);
        change($bed, $id, "state = 'Ingested'") if $reach eq 'Requested';
        change($bed, $id, 'next_attempt_at = UTC_TIMESTAMP(6)');
        $bed->sql('consumer', "UPDATE partial_retry SET $change WHERE experiment_id = ?", $id);
        my $forms = @{gets('agreed')};
        tick_until($bed, $id, 'Complete');
        is_deeply([map { $_->[0] } @{gets('agreed')}[$forms .. $#{gets('agreed')}]], $expected, 'what it asks for');
        is(join(' ', row($bed, $id, 'state'), problems($id)), 'Complete ', 'nothing else is checked');
    };
}
killed('before the answer was saved', 'Requested', 'agreed = FALSE, sending = 7', [7]);
killed('after that, before its state was', 'Requested', 'agreed = TRUE', [8]);

subtest 'killed while it checks' => sub {
    my $id = failed('agreed');
    spoil($id);
    $bed->run('tardis-consumer', 'retry', $id);
    tick_until($bed, $id, 'CheckingIntegrity');
    $bed->sql('consumer', 'UPDATE partial_retry SET checked_through = 2 WHERE experiment_id = ?', $id);
    $bed->sql('consumer', 'DELETE FROM file_problem WHERE experiment_id = ? AND file_number = 2', $id);
    put_files($bed, $id, {$bad[0] => 'CONTENT 2'});
    tick_until($bed, $id, 'Complete');
    is(state($bed, $id), 'Complete', 'the next tick goes on behind what was checked');
};

subtest 'a changed document' => sub {
    my $id = failed('agreed');
    my $uid = row($bed, $id, 'uid');
    $bed->run('tardis-consumer', 'retry', $id);
    tick_until($bed, $id, 'Requested');
    my $answer = $bed->register(Views::mets('changed', ['d/f 1', 'content 1']), originid => $uid,
        from_url => $fake->url . '/agreed');
    is($answer->{status}, 200, 'is accepted meanwhile');
    is_deeply([row($bed, $id, qw(state checked_through))], ['Ingested', 0], 'nothing is proven of it');
    is(problems($id) . (kept($id) // ''), '', 'and nothing wanted');
    tick_until($bed, $id, 'Requested');
    is_deeply(gets('agreed')->[-1], [], 'all is asked for');
};

SKIP: {
    skip 'root may read everything', 1 if !$>;
    subtest 'a file that only this host cannot read' => sub {
        my $id = failed('agreed');
        my $name = put_files($bed, $id, {}) . "/$bad[0]";
        utf8::downgrade($name);
        chmod 0, $name or die "$name: $!\n";
        $bed->run('tardis-consumer', 'retry', $id);
        tick_until($bed, $id, 'Complete');
        is(join(' ', row($bed, $id, 'error_code'), problems($id)), 'file_unreadable 2', 'is a problem');
        is(kept($id), '8 1 2', 'as the others were');
        chmod 0644, $name;
    };
}

done_testing;
