SELECT faults.row, faults.code, faults.field, faults.message, {cells}
FROM batch JOIN faults USING (row)
ORDER BY faults.row
