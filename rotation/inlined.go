package rotation

import "strings"

// inlining are the beginnings of names whose values a build writes into the
// scripts that browsers load: what frameworks document of themselves.
//
// Sources: https://nextjs.org/docs/app/guides/environment-variables,
// https://vite.dev/guide/env-and-mode, https://create-react-app.dev/docs/adding-custom-environment-variables,
// https://www.gatsbyjs.com/docs/how-to/local-development/environment-variables,
// https://docs.expo.dev/guides/environment-variables.
var inlining = []string{"NEXT_PUBLIC_", "VITE_", "REACT_APP_", "GATSBY_", "EXPO_PUBLIC_"}

// Inlined reports whether a variable's value is part of what a build makes, so
// that a restart does not bring a new one.
func Inlined(variable string) bool {
	for _, begin := range inlining {
		if strings.HasPrefix(variable, begin) {
			return true
		}
	}
	return false
}

// Inlined reports whether any of the secret's variables is.
func (s Secret) Inlined() bool {
	for _, name := range s.Variables {
		if Inlined(name) {
			return true
		}
	}
	return false
}
