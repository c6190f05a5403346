package upstash

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

func read(text string) (reply, error) {
	l := &line{in: bufio.NewReader(io.LimitReader(strings.NewReader(text), maxAnswer))}
	return l.read(0)
}

// TestAnswers: what is whole is understood, and what is not is told apart from
// what is too long and from what has not come yet.
func TestAnswers(t *testing.T) {
	for text, want := range map[string]struct {
		reply reply
		err   error
	}{
		"+OK\r\n":                                {reply{text: "OK"}, nil},
		":12\r\n":                                {reply{text: "12"}, nil},
		"$3\r\na\r\n\r\n":                        {reply{text: "a\r\n"}, nil},
		"$-1\r\n":                                {reply{none: true}, nil},
		"*-1\r\n":                                {reply{none: true}, nil},
		"*2\r\n$1\r\na\r\n*1\r\n:1\r\n":          {reply{list: []reply{{text: "a"}, {list: []reply{{text: "1"}}}}}, nil},
		"-WRONGPASS no such user\r\n":            {reply{}, refusal{word: wrongPass}},
		"-ERR unknown subcommand 'X'\r\n":        {reply{}, refusal{word: "ERR", foreign: true}},
		"-ERR max requests limit exceeded\r\n":   {reply{}, refusal{word: "ERR", limited: true}},
		"-SECRETWORD and more\r\n":               {reply{}, refusal{}},
		"<html>":                                 {reply{}, errGarbled},
		"+OK\n":                                  {reply{}, errGarbled},
		"$x\r\n":                                 {reply{}, errGarbled},
		"$-2\r\n":                                {reply{}, errGarbled},
		"$1\r\nabc":                              {reply{}, errGarbled},
		"+" + strings.Repeat("a", 5000) + "\r\n": {reply{}, errGarbled},
		"$99999999\r\n":                          {reply{}, errLong},
		"*99999999\r\n":                          {reply{}, errLong},
		strings.Repeat("*1\r\n", 20):             {reply{}, errGarbled},
		"":                                       {reply{}, io.EOF},
		"$5\r\nabc":                              {reply{}, io.ErrUnexpectedEOF},
		"*2\r\n:1\r\n":                           {reply{}, io.EOF},
	} {
		got, err := read(text)
		if !errors.Is(err, want.err) || !reflect.DeepEqual(got, want.reply) {
			t.Errorf("%.40q: %v, %v; want %v, %v", text, got, err, want.reply, want.err)
		}
	}
}

// FuzzAnswer: no answer, whatever it is, is repeated in an error or kept beyond
// its bound.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{"+OK\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "-ERR hidden-hidden\r\n", "$5\r\nab"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := read(text + "hidden-hidden")
		if err != nil && strings.Contains(fmt.Sprint(err), "hidden") {
			t.Errorf("it repeats the answer: %v", err)
		}
	})
}

// TestRules: a line of the list as servers write it.
func TestRules(t *testing.T) {
	for text, want := range map[string]entry{
		"user app on #ab ~shop:* resetchannels +@all -@admin (~public:* resetchannels -@all +get)": {name: "app", on: true, rules: []string{"~shop:*", "resetchannels", "+@all", "-@admin", "(~public:* resetchannels -@all +get)"}},
		"user my+app off nopass sanitize-payload %R~a* &chan -@all +get":                           {name: "my+app", free: true, rules: []string{"%R~a*", "&chan", "-@all", "+get"}},
		"user cut on (~a": {name: "cut", on: true, rules: []string{"(~a"}},
	} {
		if got, ok := parsed(text); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for _, text := range []string{"", "user app", "user app ~* +@all", "hello app on ~*"} {
		if got, ok := parsed(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
