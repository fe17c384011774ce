# The consumer's database goes away in the middle of a registration: 503, one line, and nothing of it remains.
use strict;
use warnings;
use Test::More;
use Testbed;
use Time::HiRes qw(sleep);
use Views;

my $bed = Testbed->new;
my $document = mets('large', map { [sprintf('d/%06d', $_), '', 'SIZE="1"'] } 1 .. 60_000);
my $down = qr/\[tardis_consumer:error\].* uid tardis\.1: client 127\.0\.0\.1: .*\[database_unavailable\]; answered 503$/;
$bed->error_log('consumer', 1);

for my $how ('stopped', 'restarted') {
    pipe(my $from, my $to) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if (!$pid) {
        my $answer = $bed->register($document);
        syswrite($to, "$answer->{status} $answer->{content}");
        POSIX::_exit(0);
    }
    close $to;
    my $inserted = 'SELECT COALESCE(MAX(trx_rows_modified), 0) FROM information_schema.innodb_trx';
    for (1 .. 300) {
        last if $bed->sql('admin', $inserted) > 2000;
        sleep 0.15; # the server looks anew only when it was not asked for a tenth of a second
    }
    $bed->stop_db;
    $bed->start_db if $how eq 'restarted';
    my $answer = do { local $/; <$from> };
    waitpid($pid, 0);
    like($answer, qr/^503 .*\[database_unavailable\]$/, "$how: answered 503");
    log_is($bed, 'consumer', $down);
    $bed->start_db if $how eq 'stopped';
    is($bed->sql('consumer', "SELECT COUNT(*) FROM $_"), 0, "$how: no row in $_")
        for qw(experiment dataset datafile owner synced_experiment synced_event notification);
}
answers($bed, 'consumer', 'the same once more', $bed->register($document), 200, $bed->env('CONSUMER_STORE') . '/'
    . $bed->sql('consumer', 'SELECT MAX(id) FROM experiment'));
is($bed->sql('consumer', 'SELECT COUNT(*) FROM datafile'), 60_000, 'is taken whole');
done_testing;
