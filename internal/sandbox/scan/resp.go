package scan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// maxBulk bounds one answer of the server, in bytes.
const maxBulk = 64 << 20

// maxItems bounds the elements of one array.
const maxItems = 1 << 20

// errNil is Redis's absent value.
var errNil = errors.New("nil")

// conn speaks the Redis protocol, version 2, for a handful of commands.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
type conn struct {
	net.Conn
	r *bufio.Reader
}

// dial connects to redis://[user:password@]host:port[/db]. The connection is
// closed when the context ends.
func dial(ctx context.Context, address string) (c *conn, stop func(), err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "redis" {
		return nil, nil, errors.New("connecting to Redis: the address is not redis://host:port/db")
	}
	var d net.Dialer
	n, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to Redis: %w", err)
	}
	c = &conn{Conn: n, r: bufio.NewReader(n)}
	after := context.AfterFunc(ctx, func() { _ = n.Close() })
	stop = func() { after(); _ = n.Close() }
	if err := c.greet(u); err != nil {
		stop()
		return nil, nil, err
	}
	return c, stop, nil
}

func (c *conn) greet(u *url.URL) error {
	if password, ok := u.User.Password(); ok {
		words := []string{"AUTH", password}
		if name := u.User.Username(); name != "" {
			words = []string{"AUTH", name, password}
		}
		if _, err := c.do(words...); err != nil {
			return fmt.Errorf("logging in to Redis: %w", err)
		}
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if _, err := c.do("SELECT", db); err != nil {
			return fmt.Errorf("selecting a Redis database: %w", err)
		}
	}
	return nil
}

// do sends a command and reads its answer: a string, an int64, a list of
// these, or errNil.
func (c *conn) do(words ...string) (any, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(c, b.String()); err != nil {
		return nil, fmt.Errorf("sending %s: %w", words[0], err)
	}
	v, err := c.read(0)
	if err != nil && !errors.Is(err, errNil) {
		return nil, fmt.Errorf("reading the answer to %s: %w", words[0], err)
	}
	return v, err
}

func (c *conn) read(depth int) (any, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" || depth > 8 {
		return nil, errors.New("not the Redis protocol")
	}
	switch rest := line[1:]; line[0] {
	case '+':
		return rest, nil
	case '-':
		return nil, errors.New(rest)
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$':
		return c.bulk(rest)
	case '*':
		return c.array(rest, depth)
	default:
		return nil, errors.New("not the Redis protocol")
	}
}

func (c *conn) bulk(length string) (any, error) {
	n, err := strconv.Atoi(length)
	switch {
	case err != nil || n > maxBulk:
		return nil, fmt.Errorf("a value of %s bytes is too long to scan", length)
	case n < 0:
		return nil, errNil
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return nil, err
	}
	return string(b[:n]), nil
}

func (c *conn) array(length string, depth int) (any, error) {
	n, err := strconv.Atoi(length)
	if err != nil || n > maxItems {
		return nil, fmt.Errorf("a list of %s elements is too long to scan", length)
	}
	if n < 0 {
		return nil, errNil
	}
	all := make([]any, 0, n)
	for range n {
		v, err := c.read(depth + 1)
		if err != nil && !errors.Is(err, errNil) {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
