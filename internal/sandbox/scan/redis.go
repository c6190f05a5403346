package scan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Redis scans every key of one database, whatever its type: the name and all
// that is in it. The address is redis://[user:password@]host:port[/db]. A type
// it does not know is an error, not a clean result. Keys that come and go
// meanwhile may be missed or seen twice.
func (s *Scanner) Redis(ctx context.Context, address string) ([]Hit, error) {
	c, stop, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer stop()
	var hits []Hit
	cursor := "0"
	for {
		names, next, err := c.scan(cursor)
		if err != nil {
			return hits, err
		}
		for _, name := range names {
			found, err := s.key(c, name)
			hits = append(hits, found...)
			if err != nil {
				return hits, err
			}
		}
		if cursor = next; cursor == "0" {
			return hits, nil
		}
	}
}

// scan returns one page of key names and the cursor of the next.
func (c *conn) scan(cursor string) (names []string, next string, err error) {
	v, err := c.do("SCAN", cursor, "COUNT", "500")
	if err != nil {
		return nil, "", err
	}
	page, ok := v.([]any)
	if !ok || len(page) != 2 {
		return nil, "", errors.New("reading the answer to SCAN: two parts expected")
	}
	return flat(page[1]), fmt.Sprint(page[0]), nil
}

// key scans one key. A name that holds a secret is not shown.
func (s *Scanner) key(c *conn, name string) ([]Hit, error) {
	where := fmt.Sprintf("Redis key %q", name)
	if len(s.Bytes("", []byte(name))) > 0 {
		sum := sha256.Sum256([]byte(name))
		where = "Redis key with the SHA-256 " + hex.EncodeToString(sum[:4]) + "…"
	}
	hits := s.Bytes("the name of "+where, []byte(name))
	parts, err := c.contents(name)
	if err != nil {
		return hits, fmt.Errorf("scanning %s: %w", where, err)
	}
	f := finder{Scanner: s, where: where}
	for _, p := range parts {
		f.scan([]byte(p), 0)
	}
	return append(hits, f.hits...), nil
}

// readers is how each type is read as a whole.
var readers = map[string][]string{
	"string": {"GET", "key"},
	"hash":   {"HGETALL", "key"},
	"list":   {"LRANGE", "key", "0", "-1"},
	"set":    {"SMEMBERS", "key"},
	"zset":   {"ZRANGE", "key", "0", "-1", "WITHSCORES"},
	"stream": {"XRANGE", "key", "-", "+"},
}

// contents returns all texts in a key; none if it is gone.
func (c *conn) contents(name string) ([]string, error) {
	kind, err := c.do("TYPE", name)
	if err != nil {
		return nil, err
	}
	if kind == "none" {
		return nil, nil
	}
	words, ok := readers[fmt.Sprint(kind)]
	if !ok {
		return nil, fmt.Errorf("unknown type %s", kind)
	}
	words = append([]string(nil), words...)
	words[1] = name
	v, err := c.do(words...)
	if errors.Is(err, errNil) {
		return nil, nil
	}
	return flat(v), err
}

// flat lists the strings in an answer, however deep.
func flat(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, flat(e)...)
		}
		return all
	default:
		return nil
	}
}
