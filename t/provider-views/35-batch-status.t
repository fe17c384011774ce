# What the provider offers beyond the original: the document that says so, and the statuses of many uids at once.
use strict;
use warnings;
use JSON::PP;
use Test::More;
use Testbed;
use Views;

my $bed = Testbed->new;
my $url = $bed->env('SITE_SETTINGS_URL');
my @states = qw(Queued Sending Failed Cancelled Complete);
my %uid;
for my $name (@states, 'never requested') {
    $uid{$name} = new_experiment($bed, $name);
    my ($id) = $uid{$name} =~ /(\d+)$/;
    next if $name eq 'never requested';
    $bed->provider('POST', 'get/',
        content => $bed->form(uid => $uid{$name}, dest_path => $id, site_settings_url => $url));
    $bed->sql('provider', 'UPDATE transfer SET state = ?, error_code = ?, error_text = ? WHERE experiment_id = ?',
        $name, $name eq 'Failed' ? ('destination_full', "no \"space\" \x{20ac}") : (undef, undef), $id);
}
$bed->error_log('provider', 1);

subtest 'index' => sub {
    for my $path ('', '?x=y') {
        my $answer = $bed->provider('GET', $path);
        answers($bed, 'provider', "GET /$path", $answer, 200, '{"protocol": 1, "batch_status": 1000, "get_files": 900}');
        is($answer->{headers}{'content-type'}, 'application/json', 'Content-Type');
        like($answer->{headers}{'cache-control'}, qr/no-store/, 'Cache-Control');
    }
    my $bare = $bed->request('GET', $bed->env('PROVIDER_URL') . '/apps/sync/provider', key => $bed->env('CLIENT_KEY'));
    is($bare->{content}, '{"protocol": 1, "batch_status": 1000, "get_files": 900}', 'without a slash');
    is($bed->provider('HEAD', '')->{status}, 200, 'HEAD');
};

# (\@uids, $name, @log): the statuses that are answered to these uids.
sub batch {
    my ($uids, $name, @log) = @_;
    my $answer = $bed->provider('POST', 'status/', content => $bed->form(map { (uid => $_) } @$uids),
        headers => {'Content-Type' => 'application/x-www-form-urlencoded'});
    answers($bed, 'provider', $name, $answer, 200, qr/^\{"statuses": \{.*\}\}$/s, @log);
    is($answer->{headers}{'content-type'}, 'application/json', "$name: Content-Type");
    return decode_json($answer->{content})->{statuses};
}

sub bad { my ($count, $of, $code) = @_; return qr/:warn\].*\[$code\]; answered status 4 to $count of $of uids$/ }

subtest 'as one by one' => sub {
    my $statuses = batch([@uid{@states}], 'all states');
    is_deeply([sort keys %$statuses], [sort @uid{@states}], 'each is answered');
    for my $state (@states) {
        is_deeply($statuses->{$uid{$state}}, decode_json($bed->provider('GET', "status/$uid{$state}/")->{content}),
            "$state: as GET answers");
    }
    is($statuses->{$uid{Failed}}{message}, "no \"space\" \x{20ac}", 'a text that needs escaping');
    $bed->error_log('provider', 1);
};

subtest 'each on its own' => sub {
    my $long = 'y' x 300;
    my %expected = (
        $uid{Sending} => [2, ''],
        $uid{'never requested'} => [4, 'not_requested'],
        'tardis.999999' => [4, 'uid_unknown'],
        'tardis.01' => [4, 'uid_unknown'],
        'tardis.99999999999999999999' => [4, 'uid_unknown'],
        'other.1' => [4, 'uid_unknown'],
        'y' x 255 => [4, 'uid_unknown'],
        '' => [4, 'uid_invalid'],
        'a b"\\' => [4, 'uid_invalid'],
        'caf??' => [4, 'uid_invalid'],
        '?x?' => [4, 'uid_invalid'],
        ('y' x 255) . '?' => [4, 'uid_invalid'],
    );
    my @sent = ((grep { !/\?/ } sort keys %expected), "caf\xc3\xa9", "\xffx\x01", $long, $uid{Sending}, $uid{Sending});
    my $statuses = batch(\@sent, 'good and bad ones', bad(11, 12, '\w+'));
    is_deeply([sort keys %$statuses], [sort keys %expected], 'each is answered once');
    for my $key (sort keys %expected) {
        my $status = $statuses->{$key};
        is_deeply([$status->{status}, $status->{code} // ''], $expected{$key}, substr("<$key>", 0, 40));
        is($status->{message}, $status->{error}, 'with error and message') if $status->{status} == 4;
    }
    like($statuses->{'tardis.999999'}{error}, qr/^invalid UID: tardis\.999999$/, 'as the original says it');
};

subtest 'completion' => sub {
    my ($id) = $uid{Complete} =~ /(\d+)$/;
    $bed->sql('provider', 'UPDATE transfer SET told_complete = FALSE');
    batch([@uid{@states}], 'told');
    is_deeply([map { $_->[0] } $bed->sql('provider', 'SELECT experiment_id FROM transfer WHERE told_complete')], [$id],
        'is noted to have been told, of the one only');
    $bed->sql('provider', 'UPDATE transfer SET site_url = "https://other.example/", told_complete = FALSE');
    my $statuses = batch([@uid{@states}], "another site's", bad(5, 5, 'not_requested'));
    is(scalar(grep { $_->{status} == 4 } values %$statuses), 5, 'are not for this site');
    is($bed->sql('provider', 'SELECT COUNT(*) FROM transfer WHERE told_complete'), 0, 'and were not told');
    $bed->sql('provider', 'UPDATE transfer SET site_url = ?', $url);
};

sub statements { return ($bed->sql('admin', "SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'"))[0][1] }

subtest 'a thousand' => sub {
    my ($first) = $uid{Queued} =~ /(\d+)$/;
    $bed->sql('provider', 'INSERT INTO experiment (id, title, description, institution, created_at, updated_at) '
        . 'SELECT 5000 + seq, "x", "", "tardis", UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_1_to_1000');
    $bed->sql('provider', 'INSERT INTO experiment_source SELECT 5000 + seq, "/" FROM seq_1_to_900');
    $bed->sql('provider', 'INSERT INTO transfer (experiment_id, site_url, site_name, dest_path, state, files_done, '
        . 'files_total, bytes_total, requested_at, updated_at) SELECT 5000 + seq, ?, "x", "1", '
        . 'IF(seq % 2, "Complete", "Sending"), seq, 2000, 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM seq_1_to_800',
        $url);
    for my $count (1, 3, 17, 511, 512, 513, 800) {
        my $statuses = batch([map { "tardis.$_" } reverse(5001 .. 5000 + $count)], "$count uids");
        is(scalar(keys %$statuses), $count, "$count answers");
        is(scalar(grep { $statuses->{"tardis.$_"}{files_done} == $_ - 5000 } 5001 .. 5000 + $count), $count,
            'each of its own uid');
    }
    is($bed->sql('provider', 'SELECT SUM(told_complete) = SUM(state = "Complete") FROM transfer WHERE experiment_id > 5000'),
        1, 'all complete ones were told');
    $bed->sql('provider', 'UPDATE transfer SET told_complete = FALSE');
    my $before = statements();
    my $statuses = batch([map { "tardis.$_" } 5001 .. 6000], 'the most uids', bad(200, 1000, '\w+'));
    cmp_ok(statements() - $before, '<=', 8, 'are answered with few statements');
    is($statuses->{"tardis.$_->[0]"}{code} // '', $_->[1], "tardis.$_->[0]") for [5800, ''], [5801, 'not_requested'],
        [5900, 'not_requested'], [5901, 'uid_unknown'], [6000, 'uid_unknown'];
};

subtest 'forms that are refused' => sub {
    my $refused = sub {
        my ($name, $content, $status, $code, %how) = @_;
        answers($bed, 'provider', $name, $bed->provider('POST', 'status/', content => $content, %how), $status,
            qr/\[$code\]\n$/, qr/:warn\].*\[$code\]; answered $status$/);
    };
    $refused->('no uid', '', 400, 'form_invalid');
    $refused->('another field', 'x=y', 400, 'form_invalid');
    $refused->('a broken escape', 'uid=tardis.1&uid=%zz', 400, 'form_invalid');
    $refused->('a NUL', 'uid=tardis.1&uid=%00', 400, 'form_invalid');
    $refused->('1001 uids', join('&', map { "uid=tardis.$_" } 1 .. 1001), 400, 'form_invalid');
    $refused->('too large a body', 'uid=' . 'x' x 770_000, 413, 'document_too_large');
};

subtest 'the largest form' => sub {
    my @uids = map { sprintf('%0255d', $_) } 1 .. 1000;
    my $form = join('&', map { 'uid=' . join('', map { sprintf '%%%02x', ord } split //) } @uids);
    my $answer = $bed->provider('POST', 'status/', content => $form);
    answers($bed, 'provider', 'a thousand uids of 255 bytes', $answer, 200, qr/^\{/, bad(1000, 1000, 'uid_unknown'));
    is_deeply([sort keys %{decode_json($answer->{content})->{statuses}}], \@uids, 'each is answered');
};

$bed->stop_db;
answers($bed, 'provider', 'without a database', $bed->provider('POST', 'status/', content => "uid=$uid{Queued}"), 503,
    qr/\[database_unavailable\]/, qr/:error\].*\[database_unavailable\]; answered 503$/);
done_testing;
