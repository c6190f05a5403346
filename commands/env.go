package commands

import (
	"strings"

	"rekey/rotation"
)

// cutEnv takes `--env ENVIRONMENT` out of a line, wherever it stands.
func cutEnv(text string) (rest, env string, m *misfit) {
	fields := strings.Fields(visible(text))
	var kept []string
	for i := 0; i < len(fields); i++ {
		name, given, here := valued(fields[i], "env")
		switch {
		case !here:
			kept = append(kept, fields[i])
			continue
		case env != "":
			return text, env, &misfit{"`--env` stands there twice.", "Say it once; each environment is rotated by itself."}
		case !given && i+1 < len(fields):
			i++
			name = fields[i]
		}
		switch env = strings.ToLower(strings.Trim(name, quotes)); env {
		case rotation.Staging, rotation.Production:
		default:
			return text, "", &misfit{"`--env` says whose own key leaked: `staging` or `production`.", "Try `--env staging`."}
		}
	}
	return strings.Join(kept, " "), env, nil
}

// valued reports a flag of a name, and what stands behind its "=" where it has
// one.
func valued(word, flag string) (value string, given, here bool) {
	_, flags := split(word)
	if len(flags) != 1 {
		return "", false, false
	}
	name, value, given := strings.Cut(strings.TrimLeft(flags[0], "-"), "=")
	return value, given, strings.EqualFold(name, flag)
}
