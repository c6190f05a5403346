package secret_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/secret"
)

// TestRedactKnownForms spells the forms out by hand, so that the list and the
// net cannot be wrong together.
func TestRedactKnownForms(t *testing.T) {
	v := secret.New(`kid-1:a"b<c>&d/e+f g?h`)
	for name, leak := range map[string]string{
		"plain":                     `kid-1:a"b<c>&d/e+f g?h`,
		"secret part":               `a"b<c>&d/e+f g?h`,
		"first half":                `a"b<c>&d`,
		"second half":               `/e+f g?h`,
		"base64 standard padded":    `a2lkLTE6YSJiPGM+JmQvZStmIGc/aA==`,
		"base64 standard":           `a2lkLTE6YSJiPGM+JmQvZStmIGc/aA`,
		"base64 url padded":         `a2lkLTE6YSJiPGM-JmQvZStmIGc_aA==`,
		"base64 url":                `a2lkLTE6YSJiPGM-JmQvZStmIGc_aA`,
		"hex":                       `6122623c633e26642f652b6620673f68`,
		"hex upper":                 `6122623C633E26642F652B6620673F68`,
		"hex spaced":                `61 22 62 3c 63 3e 26 64 2f 65 2b 66 20 67 3f 68`,
		"url query":                 `a%22b%3Cc%3E%26d%2Fe%2Bf+g%3Fh`,
		"url path":                  `a%22b%3Cc%3E&d%2Fe+f%20g%3Fh`,
		"json":                      `kid-1:a\"b<c>&d/e+f g?h`,
		"json escaped for html":     `kid-1:a\"b\u003cc\u003e\u0026d/e+f g?h`,
		"byte numbers":              `97 34 98 60 99 62 38 100 47 101 43 102 32 103 63 104`,
		"byte numbers in an array":  `97,34,98,60,99,62,38,100,47,101,43,102,32,103,63,104`,
		"half of it in hexadecimal": `6122623c633e2664`,
	} {
		if got := secret.Redact("before "+leak+" after", v); got != "before [secret] after" {
			t.Errorf("%s: %q became %q", name, leak, got)
		}
	}
}

// TestRedactInsideBase64 covers Basic headers, where other bytes stand before
// and after the value at any alignment.
func TestRedactInsideBase64(t *testing.T) {
	v := secret.New("super-secret-value-0123")
	for before := range 4 {
		for after := range 4 {
			leak := base64.StdEncoding.EncodeToString(
				[]byte(strings.Repeat("u", before) + v.Reveal() + strings.Repeat("\n", after)))
			got := secret.Redact(leak, v)
			if kept := len(strings.ReplaceAll(got, "[secret]", "")); got == leak || kept > 12 {
				t.Errorf("%d before, %d after: %q became %q", before, after, leak, got)
			}
		}
	}
}

func TestRedactLeavesTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		values []secret.Value
		want   string
	}{
		"no values":            {"key kid-1 works", nil, "key kid-1 works"},
		"empty value":          {"key kid-1 works", []secret.Value{{}, secret.New("")}, "key kid-1 works"},
		"too short":            {"port 1234567 open", []secret.Value{secret.New("1234567")}, "port 1234567 open"},
		"just long enough":     {"port 12345678 open", []secret.Value{secret.New("12345678")}, "port [secret] open"},
		"the public id stays":  {"key public-id-1 works", []secret.Value{secret.New("public-id-1:secret-0123456789")}, "key public-id-1 works"},
		"the URL's host stays": {"https://rpc.example.com/ down", []secret.Value{secret.New("https://rpc.example.com/?api-key=0123456789abcdef")}, "https://rpc.example.com/ down"},
		"the URL's key goes":   {"key 0123456789abcdef", []secret.Value{secret.New("https://rpc.example.com/?api-key=0123456789abcdef")}, "key [secret]"},
		"the URL's password":   {"auth hunter2hunter2", []secret.Value{secret.New("redis://me:hunter2hunter2@db:6379")}, "auth [secret]"},
		"twice":                {"a-secret-1, a-secret-1", []secret.Value{secret.New("a-secret-1")}, "[secret], [secret]"},
		"touching":             {"a-secret-1a-secret-1", []secret.Value{secret.New("a-secret-1")}, "[secret]"},
		"overlapping":          {"<abcdefghijklmnop>", []secret.Value{secret.New("abcdefghij"), secret.New("ghijklmnop")}, "<[secret]>"},
		"one inside the other": {"<abcdefghijklmnop>", []secret.Value{secret.New("defghijk"), secret.New("abcdefghijklmnop")}, "<[secret]>"},
		"overlapping itself":   {"<abababababab>", []secret.Value{secret.New("abababab")}, "<[secret]>"},
	} {
		if diff := cmp.Diff(c.want, secret.Redact(c.text, c.values...)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("before ", "kid-1:0123456789abcdef", " after")
	f.Add("", "ä\x00\xff\"<>&0123", "%25")
	f.Fuzz(func(t *testing.T, before, text, after string) {
		v := secret.New(text)
		forms := secret.Forms(text)
		if len(text) >= 8 && len(forms) == 0 {
			t.Fatal("a long value has no form")
		}
		for _, form := range forms {
			got := secret.Redact(before+form+after, v)
			if !strings.Contains(got, "[secret]") {
				t.Fatalf("form of %d bytes was not masked", len(form))
			}
			if strings.Contains(strings.ReplaceAll(got, "[secret]", "\n\n"), form) {
				t.Fatalf("form of %d bytes is still there", len(form))
			}
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	var values []secret.Value
	for i := range 25 {
		values = append(values, secret.New(strings.Repeat(string(rune('a'+i)), 64)))
	}
	line := strings.Repeat("a line of the application's log ", 8)
	for b.Loop() {
		secret.Redact(line, values...)
	}
}
