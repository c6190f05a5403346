// Package secrettest looks for secret values in whatever code under test
// returned, printed or sent. Every adapter runs the same leak test with it:
// make everything go wrong, then hand all results and errors to [NoLeak].
//
// Only tests import it.
package secrettest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"rekey/internal/secret"
)

// Forms lists the texts in which the value is looked for, see [secret.Forms].
func Forms(v secret.Value) []string { return secret.Forms(v.Reveal()) }

// NoLeak renders each output in every usual way (fmt with all verbs and
// flags, the errors of a chain one by one, slog as text and JSON, JSON, a
// template) and fails the test where any form of any value shows. Strings and
// byte slices are outputs too. The failure names the places, not the value.
//
// A value that is too short to have a form fails the test: nothing could have
// been found.
func NoLeak(t testing.TB, values []secret.Value, outputs ...any) {
	t.Helper()
	forms := make([][]string, len(values))
	for i, v := range values {
		forms[i] = Forms(v)
		if len(forms[i]) == 0 {
			t.Errorf("value %d is too short to be looked for", i)
		}
	}
	for o, output := range outputs {
		for _, r := range renderings(output) {
			for i := range values {
				if holds(r.text, forms[i]) {
					t.Errorf("output %d (%T) shows value %d when rendered by %s", o, output, i, r.how)
				}
			}
		}
	}
}

func holds(text string, forms []string) bool {
	for _, form := range forms {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// rendering is one way in which an output was made visible.
type rendering struct{ how, text string }

func renderings(output any) []rendering {
	var all []rendering
	for _, format := range Formats() {
		all = append(all, rendering{"fmt " + format, fmt.Sprintf(format, output)})
	}
	if err, ok := output.(error); ok {
		all = append(all, errorTexts(err)...)
	}
	all = append(all, logged(output)...)
	if encoded, err := json.Marshal(output); err == nil {
		all = append(all, rendering{"json", string(encoded)})
	} else {
		all = append(all, rendering{"the error of json", err.Error()})
	}
	return append(all, templated(output))
}

// Formats returns a format for each verb with each flag that changes what it
// prints, and some verbs that do not exist.
func Formats() []string {
	var formats []string
	for _, verb := range "vTtbcdoOqxXUeEfFgGspwZ" {
		for _, flags := range []string{"", "+", "#", " ", "0", "-", "# ", "+#", "60", "-60", ".200", "60.200"} {
			formats = append(formats, "%"+flags+string(verb))
		}
	}
	return formats
}

// errorTexts walks a chain, because an outer error may hide what an inner one says.
func errorTexts(err error) []rendering {
	if err == nil {
		return nil
	}
	all := []rendering{{fmt.Sprintf("Error of %T", err), err.Error()}}
	switch wrapped := err.(type) {
	case interface{ Unwrap() error }:
		all = append(all, errorTexts(wrapped.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range wrapped.Unwrap() {
			all = append(all, errorTexts(inner)...)
		}
	}
	return all
}

func logged(output any) []rendering {
	var text, structured bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&text, nil), slog.NewJSONHandler(&structured, nil)} {
		slog.New(handler).Info(fmt.Sprint(output), "output", output, slog.Group("inside", "output", output))
	}
	return []rendering{{"slog as text", text.String()}, {"slog as JSON", structured.String()}}
}

func templated(output any) rendering {
	var out bytes.Buffer
	if err := template.Must(template.New("output").Parse("{{.}} {{printf `%#v` .}}")).Execute(&out, output); err != nil {
		out.WriteString(err.Error())
	}
	return rendering{"text/template", out.String()}
}
