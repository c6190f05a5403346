package upstash

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
)

// A conversation over the Redis protocol: one connection, a few commands, each
// sent when the one before was answered. It is spoken here and not by a library
// because what is asked for is who got how far: a library would repeat commands
// and read answers of any size.

// The bounds of what a database may send in one conversation.
const (
	maxAnswer = 1 << 20
	maxDepth  = 8
	maxItems  = 1 << 14
)

// reply is an answer: a text, a number, a list, or nothing at all.
type reply struct {
	text string
	none bool
	list []reply
}

// refusal is a database's own error, of which only the kind is kept.
type refusal struct {
	word    string // one of those below, or ""
	foreign bool   // it does not know the command
	limited bool   // a limit was reached
}

func (r refusal) Error() string { return "the database answered " + r.word }

// line is one conversation.
type line struct {
	conn net.Conn
	in   *bufio.Reader
}

// dial opens a conversation that ends with the context, and in time at all
// events. Whoever gets a line must hang it up.
func (p *Provider) dial(ctx context.Context, op string, d *database) (*line, context.CancelFunc, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	host, _, _ := net.SplitHostPort(d.redis) // newDatabase has read it
	dialer := tls.Dialer{Config: &tls.Config{ServerName: host, RootCAs: p.config.Roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", d.redis)
	if err != nil {
		err = unanswered(ctx, op, err, false)
		cancel()
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	hangUp := func() { stop(); _ = conn.Close(); cancel() }
	return &line{conn: conn, in: bufio.NewReader(io.LimitReader(conn, maxAnswer))}, hangUp, nil
}

// unanswered classifies a conversation that broke.
func unanswered(ctx context.Context, op string, err error, write bool) error {
	f := &fault.Error{Op: op, Class: fault.Again, Reason: fault.Unreachable, Err: errNoAnswer}
	network, slow := errors.AsType[net.Error](err)
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		f.Reason, f.Err = fault.Interrupted, context.Canceled
	case ctx.Err() != nil, slow && network.Timeout():
		f.Reason, f.Err = fault.TimedOut, context.DeadlineExceeded
	}
	if certificate, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		f.Class, f.Detail, f.Err = fault.Ask, "its certificate is not trusted; if its authority is your own, name it in upstash.ca_file", certificate
	}
	if write {
		f.Class = fault.Lost
	}
	return f
}

// errNoAnswer stands for what broke a conversation: the text of such an error
// may quote what was said.
var errNoAnswer = errors.New("no answer over the Redis protocol")

// say sends one command and reads its answer. secrets among the words are known
// to be sent here and nowhere else.
func (l *line) say(ctx context.Context, op string, write bool, words ...string) (reply, error) {
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "*%d\r\n", len(words))
	for _, w := range words {
		_, _ = fmt.Fprintf(&text, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(l.conn, text.String()); err != nil {
		return reply{}, unanswered(ctx, op, err, write)
	}
	answer, err := l.read(0)
	said, refused := errors.AsType[refusal](err)
	switch {
	case refused:
		return reply{}, said.fault(op)
	case errors.Is(err, errGarbled):
		return reply{}, unreadable(op, fault.Garbled, write)
	case errors.Is(err, errLong):
		return reply{}, unreadable(op, fault.TooLarge, write)
	case err != nil:
		return reply{}, unanswered(ctx, op, err, write)
	}
	return answer, nil
}

func unreadable(op string, reason fault.Reason, write bool) error {
	f := fault.New(op, reason, "the database's answer is not one of the Redis protocol")
	if write {
		f.Class = fault.Lost
	}
	return f
}

// fault classifies a database's own error: it has done nothing.
func (r refusal) fault(op string) error {
	f := &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Err: r}
	switch {
	case r.word == wrongPass, r.word == "NOAUTH":
		f.Class, f.Reason = fault.Ask, fault.Unauthorized
	case r.word == noPerm:
		f.Class, f.Reason, f.Detail = fault.Ask, fault.Forbidden, "whom Rekey logs in as may not keep the list of users; the database's default user may"
	case r.limited:
		f.Class, f.Reason = fault.Again, fault.RateLimited
	case r.foreign:
		f.Class, f.Reason = fault.Ask, fault.Unsupported
	case slices.Contains(passing, r.word):
		f.Class, f.Reason = fault.Again, fault.ServerError
	}
	return f
}

var (
	errGarbled = errors.New("not the Redis protocol")
	errLong    = errors.New("too long")
)

// read reads one answer of version 2 of the protocol.
func (l *line) read(depth int) (reply, error) {
	kind, rest, err := l.head()
	switch {
	case err != nil:
		return reply{}, err
	case kind == '+', kind == ':':
		return reply{text: rest}, nil
	case kind == '-':
		return reply{}, refusedWith(rest)
	}
	n, err := strconv.Atoi(rest)
	switch {
	case err != nil || n < -1 || depth > maxDepth:
		return reply{}, errGarbled
	case n == -1:
		return reply{none: true}, nil
	case kind == '$':
		return l.bulk(n)
	case n > maxItems:
		return reply{}, errLong
	}
	all := reply{list: make([]reply, 0, n)}
	for range n {
		item, err := l.read(depth + 1)
		if err != nil {
			return reply{}, err
		}
		all.list = append(all.list, item)
	}
	return all, nil
}

// head reads the mark of an answer's kind, and to the end of its line.
func (l *line) head() (kind byte, rest string, err error) {
	if kind, err = l.in.ReadByte(); err != nil {
		return 0, "", err
	}
	if !strings.ContainsRune("+-:$*", rune(kind)) {
		return 0, "", errGarbled
	}
	text, err := l.in.ReadSlice('\n')
	rest = strings.TrimSuffix(string(text), "\r\n")
	switch {
	case errors.Is(err, bufio.ErrBufferFull), err == nil && len(rest) == len(text):
		return 0, "", errGarbled
	default:
		return kind, rest, err
	}
}

func (l *line) bulk(n int) (reply, error) {
	if n > maxAnswer {
		return reply{}, errLong
	}
	text := make([]byte, n+2)
	if _, err := io.ReadFull(l.in, text); err != nil {
		return reply{}, err
	}
	if string(text[n:]) != "\r\n" {
		return reply{}, errGarbled
	}
	return reply{text: string(text[:n])}, nil
}

// refusedWith keeps of an error's text what can be told by it. The rest may
// repeat what was sent.
func refusedWith(text string) refusal {
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.ToLower(rest)
	r := refusal{
		foreign: strings.HasPrefix(rest, "unknown command") || strings.HasPrefix(rest, "unknown subcommand") || strings.Contains(rest, "not supported"),
		limited: strings.HasPrefix(rest, "max ") && strings.Contains(rest, "limit"),
	}
	if slices.Contains(slices.Concat(passing, []string{"ERR", wrongPass, "NOAUTH", noPerm}), word) {
		r.word = word
	}
	return r
}

// The words with which a database's errors begin, as far as they mean something
// here. Those that pass come while it is not ready.
const (
	wrongPass = "WRONGPASS"
	noPerm    = "NOPERM"
)

var passing = []string{"LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY"}

// login tells a database who is speaking.
func (l *line) login(ctx context.Context, op, who string, v secret.Value) error {
	_, err := l.say(ctx, op, false, "AUTH", who, v.Reveal())
	return err
}
