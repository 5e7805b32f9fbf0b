import { expect, test } from 'vitest';
import { mappingText } from './mapping';

const column = (number: number, key: string | number) => ({ number, name: '', key, field: null, because: '' });

test('a mapping names the chosen columns alone, by name or number', () => {
  const columns = [column(1, 'Car "Reg"\u007f'), column(2, 2), column(3, 'Notes')];
  expect(mappingText(columns, ['vrm', 'reason', ''], true)).toBe('header = true\n[columns]\nvrm = "Car \\"Reg\\"\\u007f"\nreason = 2\n');
});
