package Sending;

# What the tests of tardis-provider send have in common: asking for files as a consumer does, changing how the
# site wants them, and looking at a transfer.

use strict;
use warnings;
use Exporter qw(import);
use FakeServer;

our @EXPORT = qw(ask_for site_wants fake_dav transfer_of events_of send_now);

# ($bed, $uid, $dest_path): get/ as the consumer; dies unless it is accepted.
sub ask_for {
    my ($bed, $uid, $dest_path) = @_;
    my $answer = $bed->provider('POST', 'get/', headers => {'Content-Type' => 'application/json'},
        content => $bed->form(uid => $uid, dest_path => $dest_path,
            site_settings_url => $bed->env('SITE_SETTINGS_URL')));
    die "get/ of $uid: $answer->{status} $answer->{content}\n" if $answer->{status} != 200;
}

# ($bed, %elements): changes elements of the site's <transfer>.
sub site_wants {
    my ($bed, %elements) = @_;
    my $settings = $bed->slurp($bed->env('SITE_SETTINGS_FILE'));
    my ($head, $transfer, $tail) = $settings =~ m{(.*<transfer>)(.*)(</transfer>.*)}s or die 'no <transfer>';
    for my $name (keys %elements) {
        my $element = "<$name>$elements{$name}</$name>";
        $transfer =~ s{<$name>[^<]*</$name>}{$element} or $transfer .= $element;
    }
    $bed->stop_httpd('consumer');
    $bed->rewrite($bed->env('SITE_SETTINGS_FILE'), $head . $transfer . $tail);
    $bed->start_httpd('consumer');
}

# (%status): a WebDAV server that answers 201 to everything, or what %status says for a method.
sub fake_dav {
    my (%status) = @_;
    return FakeServer->new(parallel => 1, handler => sub { return {status => $status{$_[0]{method}} // 201,
        body => ''} });
}

# ($bed, $uid): the row of its transfer as a reference to a hash; undef if there is none.
sub transfer_of {
    my ($bed, $uid) = @_;
    my @columns = qw(state attempts sent_through files_done files_total bytes_done bytes_total error_code
        error_text notify_pending told_complete lease_owner next_attempt_at dest_path);
    my ($row) = $bed->sql('provider', "SELECT @{[join ', ', @columns]} FROM transfer WHERE experiment_id = ?",
        $uid =~ s/.*\.//r);
    return unless $row;
    my %transfer;
    @transfer{@columns} = @$row;
    return \%transfer;
}

# ($bed, $uid): the texts of its history, in order.
sub events_of {
    my ($bed, $uid) = @_;
    return map { $_->[0] } $bed->sql('provider',
        'SELECT text FROM transfer_event WHERE experiment_id = ? ORDER BY id',
        $uid =~ s/.*\.//r);
}

# ($bed, @options): one run of send, everything being due; dies unless it ends well. Returns what it said.
sub send_now {
    my ($bed, @options) = @_;
    $bed->sql('provider', "UPDATE $_ SET next_attempt_at = UTC_TIMESTAMP(6) "
        . 'WHERE next_attempt_at IS NOT NULL')
        for qw(transfer registration);
    my ($status, $out, $err) = $bed->run('tardis-provider', 'send', @options);
    die "send ended with $status: $err\n" if $status;
    return $out . $err;
}

1;
