package loki

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"rekey/deploy"
	"rekey/internal/fault"
)

// placeholder stands for the deployment under watch.
const placeholder = "{{deployment}}"

// scope is what may take its place: nothing that means anything in LogQL.
var scope = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// checkSelection refuses what is not a log query, or holds another placeholder.
func checkSelection(query string) error {
	switch rest := strings.ReplaceAll(query, placeholder, ""); {
	case !strings.HasPrefix(query, "{"):
		return errors.New(`it must select lines and begin with a stream selector, such as {app="web"}`)
	case strings.Contains(rest, "{{"):
		return errors.New("the only placeholder is " + placeholder)
	}
	return nil
}

// scoped puts the deployments of a window into a query: one query for each, or
// the one there is where it does not ask for deployments.
func scoped(query string, w deploy.Window) ([]string, error) {
	if !strings.Contains(query, placeholder) {
		return []string{query}, nil
	}
	var all []string
	for _, deployment := range append([]string{w.Deployment}, w.Beside...) {
		if !scope.MatchString(deployment) {
			return nil, &fault.Error{Op: "scoping a query to the deployment", Class: fault.Ask, Reason: fault.Invalid,
				Detail: "the deployment has no name made of at most 64 letters, digits, dots, dashes and underscores"}
		}
		all = append(all, strings.ReplaceAll(query, placeholder, deployment))
	}
	return all, nil
}

// signature makes one expression of several. Without any it is empty. One that
// matches an empty line matches every line, and would call all of them failures.
func signature(patterns []string) (string, error) {
	var parts []string
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil || re.MatchString("") {
			return "", &fault.Error{Op: "reading the signatures of this credential's failure", Class: fault.Never, Reason: fault.Invalid,
				Detail: fmt.Sprintf("%q is no expression, or matches every line", p), Err: err}
		}
		parts = append(parts, "(?:"+p+")")
	}
	return strings.Join(parts, "|"), nil
}

// filtered keeps the lines that match a pattern.
func filtered(selection, pattern string) string {
	if pattern == "" {
		return selection
	}
	return selection + " |~ " + strconv.Quote(pattern)
}
