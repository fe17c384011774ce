package SmtpSink;

# A mail server for tests: takes every message, or refuses in the way it is told to, and delivers nothing.
#
#   my $sink = SmtpSink->new(refuse => {'RCPT TO' => '450 not now'});   options: refuse (a reply for a verb),
#                                                                      port, silent => 1 (never answers)
#   $sink->url          "smtp://127.0.0.1:PORT", for the option smtp_url
#   $sink->messages     references to hashes: from, to (reference to an array), data (dots removed, LF line ends)

use strict;
use warnings;
use parent 'ScriptedServer';

sub new {
    my ($class, %options) = @_;
    return $class->SUPER::new(refuse => {}, %options, parallel => 1);
}

sub url { return "smtp://127.0.0.1:$_[0]{port}" }

sub messages { return $_[0]->recorded }

sub converse {
    my ($self, $connection) = @_;
    sleep 60 if $self->{silent};
    my %mail = (to => []);
    print $connection "220 sink ready\r\n";
    while (defined(my $line = <$connection>)) {
        $line =~ s/\r?\n\z//;
        my $verb = $line =~ /^((?:MAIL FROM|RCPT TO)|\w+)/i ? uc $1 : '';
        if (my $reply = $self->{refuse}{$verb}) {
            print $connection "$reply\r\n";
            next;
        }
        $mail{from} = $1 if $line =~ /^MAIL FROM:\s*<([^>]*)>/i;
        push @{$mail{to}}, $1 if $line =~ /^RCPT TO:\s*<([^>]*)>/i;
        if ($verb eq 'DATA') {
            print $connection "354 go on\r\n";
            $mail{data} = read_data($connection) // return;
            $self->record(\%mail);
            %mail = (to => []);
        }
        print $connection $verb eq 'QUIT' ? "221 bye\r\n" : "250 ok\r\n";
        last if $verb eq 'QUIT';
    }
}

sub read_data {
    my ($connection) = @_;
    my $data = '';
    while (defined(my $line = <$connection>)) {
        $line =~ s/\r?\n\z//;
        return $data if $line eq '.';
        $line =~ s/^\.//;
        $data .= "$line\n";
    }
    return undef;
}

1;
