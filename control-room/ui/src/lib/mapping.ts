// What a file's columns hold, as the service reads it: TOML.

import type { GuessedColumn } from './listtypes';

/** A mapping of these columns; an empty field leaves its column out. */
export function mappingText(columns: GuessedColumn[], fields: string[], header: boolean): string {
  const said = columns.flatMap((column, index) => (fields[index] ? [`${fields[index]} = ${value(column.key)}\n`] : []));
  return `header = ${header}\n[columns]\n${said.join('')}`;
}

/** A string of JSON is one of TOML, but for one character that TOML wants escaped, too. */
function value(key: string | number): string {
  return JSON.stringify(key).replaceAll('\u007f', '\\u007f');
}
